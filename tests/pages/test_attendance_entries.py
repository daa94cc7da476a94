"""What is entered at the pages of attendance: every kind, every refusal, and what the hall's rules make of it."""

from __future__ import annotations

import pytest

from edge.attendance.csvfile import PEOPLE_HEADS
from tests.hall import Running
from tests.pages.forms import Form, form
from tests.pages.visits import EVIL, HERE, done, entered, move, page, refused, row, send, told, words

pytestmark = pytest.mark.looptime

LEAVE_FORM = {"person": "李四", "leave": "personal", "start": "2026-03-04T08:30", "end": "2026-03-04T18:00"}
SLIP = "QJ20260302-1"


async def leave_form(hall: Running) -> Form:
    return form(await page(hall, "/entries"), f"{HERE}/entries")


@pytest.mark.req("LEAVE-20", "LEAVE-26", "LEAVE-37")
async def test_a_leave_is_judged_corrected_and_withdrawn(hall: Running) -> None:
    drawn = await leave_form(hall)
    assert drawn.fields["ref"] == SLIP
    text = await done(hall, drawn, LEAVE_FORM, asked_at="2026-03-02T08:00")
    assert "事假 1 天：请假还不成立" in words(text)
    for said in ("须经中心批准", "尚缺审批：中心", "尚缺材料：假条", "未安排顶岗人员", "限额 5 天或 5 次"):
        assert said in words(text)
    change = form(text, f"{HERE}/entries/{SLIP}/correct")
    more = {"approved.hall": "2026-03-02T08:30", "paper.slip": "on", "substitute": "1003 王五"}
    more |= {"filed_at": "2026-03-02T08:30", "on_post_at": "2026-03-04T08:20"}
    assert "请写明原因" in told(await refused(hall, change, more))
    text = await done(hall, change, more, why="补交假条")
    assert "事假 1 天：请假成立" in words(text)
    history = words(text[text.index('id="history"') :])
    assert "补交假条" in history
    assert "登记" in history
    away = form(text, f"{HERE}/entries/{SLIP}/withdraw")
    assert "请写明原因" in told(await refused(hall, away))
    text = await done(hall, away, why="不去了")
    assert "已撤回，不再作数" in words(text)
    assert [(each["withdrawn"], each["why"]) for each in await entered(hall)] == [
        (1, "不去了"),
        (0, "补交假条"),
        (0, ""),
    ]


UNFIT: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"person": "没有这人"}, 422, "名册里没有“没有这人”"),
    ({"person": ""}, 422, "请改一下：人员没有写"),
    ({"end": "2026-03-04T08:00"}, 422, "请改一下：结束早于开始"),
    ({"end": "昨天"}, 422, "结束写法不对"),
    ({"start": ""}, 422, "开始没有写"),
    ({"ref": "假条 1"}, 422, "编号里有不能用的字符"),
    ({"leave": "moon"}, 422, "假别不在可选的范围内"),
    ({"substitute": "谁"}, 422, "名册里没有“谁”"),
    ({"approved.hall": "明天"}, 422, "批准时间写法不对"),
)


async def test_what_does_not_fit_is_said_and_stays_typed(hall: Running) -> None:
    for typed, status, why in UNFIT:
        given = LEAVE_FORM | typed
        text = await refused(hall, await leave_form(hall), given, status)
        assert why in told(text)
        again = form(text, f"{HERE}/entries").fields
        assert all(again[key] == value for key, value in given.items() if key != "leave")
        assert await entered(hall) == []
        assert EVIL not in text


async def test_what_is_typed_is_never_markup(hall: Running) -> None:
    text = await refused(hall, await leave_form(hall), LEAVE_FORM | {"person": EVIL, "ref": EVIL})
    assert "<script" not in text
    assert form(text, f"{HERE}/entries").fields["person"] == EVIL
    drawn = form(await page(hall, "/entries?kind=outing"), f"{HERE}/entries")
    times = {key: LEAVE_FORM[key] for key in ("start", "end")}
    text = await done(hall, drawn, times, person="1002", place=EVIL, reason=EVIL)
    assert "<script" not in text
    assert "<script" not in await page(hall, "/entries")


async def test_two_presses_are_one_entry_and_a_taken_number_is_another(hall: Running) -> None:
    drawn = await leave_form(hall)
    first, second = [await send(hall, drawn, LEAVE_FORM) for _ in range(2)]
    assert [each.status_code for each in (first, second)] == [303, 303]
    assert len(await entered(hall)) == 1
    text = await refused(hall, await leave_form(hall), LEAVE_FORM | {"ref": SLIP}, 409)
    assert f"编号 {SLIP} 已经用过" in told(text)
    assert form(text, f"{HERE}/entries").fields["ref"] == "QJ20260302-2"
    assert len(await entered(hall)) == 1


async def test_two_of_one_name_are_told_apart(hall: Running) -> None:
    await hall.post("/attendance/people", people=[{"id": "1009", "name": "李四", "unit": "ga", "since": "2026-01-01"}])
    assert "有 2 位叫“李四”，请写工号" in told(await refused(hall, await leave_form(hall), LEAVE_FORM))
    assert (await send(hall, await leave_form(hall), LEAVE_FORM | {"person": "1009 李四"})).status_code == 303


SPAN = {"start": "2026-03-02T09:00", "end": "2026-03-02T09:20"}
KINDS: tuple[tuple[str, dict[str, str], str], ...] = (
    (
        "outing",
        SPAN | {"person": "1001", "place": "档案馆", "reason": "取件", "told_at": "2026-03-02T08:50:07"},
        "外出·报备",
    ),
    ("duty", SPAN | {"person": "1001", "duty": "overtime", "swapped_from": "1003", "log": "两行\r\n记录"}, "加班"),
    ("off_post", SPAN | {"person": "1001"}, "脱岗"),
    ("manual_punch", {"person": "1001", "at": "2026-03-02T08:29", "direction": "in"}, "补卡"),
    (
        "excuse",
        {"person": "1001", "finding": "late", "first": "2026-03-02", "last": "2026-03-03", "reason": "停电"},
        "不予认定",
    ),
    ("roll_call", {"at": "2026-03-02T10:00", "present.1001": "no"}, "点名"),
    ("study", SPAN | {"present.1001": "no", "reason.1001": "出差"}, "学习签到"),
)


async def test_every_kind_is_entered_and_opening_it_changes_nothing(hall: Running) -> None:
    for count, (kind, typed, word) in enumerate(KINDS, 1):
        text = await done(hall, form(await page(hall, f"/entries?kind={kind}"), f"{HERE}/entries"), typed)
        assert "已登记" in told(text)
        one, *_ = await entered(hall)
        assert (one["kind"], one["person"]) == (kind, "1001")
        text = await page(hall, f"/entries/{one['ref']}")
        assert f"{word}：李四" in words(text)
        same = form(text, f"{HERE}/entries/{one['ref']}/correct")
        assert "什么也没有改" in told(await done(hall, same, why="看一看"))
        assert len(await entered(hall)) == count


@pytest.mark.req("ATT-22")
async def test_a_roll_call_is_of_many_and_one_of_them_is_corrected(hall: Running) -> None:
    drawn = form(await page(hall, "/entries?kind=roll_call&unit=rs"), f"{HERE}/entries")
    assert "present.1003" not in drawn.fields
    assert "还没有选任何人" in told(await refused(hall, drawn))
    text = await done(hall, drawn, {"present.1001": "no", "present.1002": "yes"})
    assert "已登记，2 条" in told(text)
    move(hall, "2026-03-03 09:00")
    assert "不在岗 09:00（待人工核实）" in row(await page(hall, "?on=2026-03-02"), "1001")
    ref = "DM20260302-1-1001"
    change = form(await page(hall, f"/entries/{ref}"), f"{HERE}/entries/{ref}/correct")
    await done(hall, change, {"present.1001": "yes"}, why="在隔壁窗口")
    assert "不在岗" not in row(await page(hall, "?on=2026-03-02"), "1001")
    assert (await entered(hall))[0]["person"] == "1001"


@pytest.mark.req("LEAVE-33")
async def test_an_outing_says_whether_it_stands(hall: Running) -> None:
    drawn = form(await page(hall, "/entries?kind=outing"), f"{HERE}/entries")
    typed = SPAN | {"person": "1001", "recalled": "on", "reported_by": "person", "told_at": "2026-03-02T08:50"}
    text = await done(hall, drawn, typed)
    assert "外出 20 分钟：按规定不成立" in words(text)
    assert "单位召回须由派驻单位事先报告" in words(text)
    change = form(text, f"{HERE}/entries/WC20260302-1/correct")
    assert "按规定成立" in words(await done(hall, change, reported_by="unit", why="单位来函"))


async def test_a_leave_into_an_unknown_year_is_not_guessed(hall: Running) -> None:
    text = await done(hall, await leave_form(hall), LEAVE_FORM | {"end": "2027-01-05T18:00"})
    assert "2027年放假安排尚未公布，天数还不能算" in words(text)


# ---- tables

ENTRIES_TABLE = "编号,类别,工号,开始,结束,批准\nL-1,事假,1001,2026/3/4 8:30,2026/3/4 18:00,hall 2026-03-03 08:00\n"


@pytest.mark.parametrize("way", ["pasted", "file"])
async def test_leaves_come_from_a_table(hall: Running, way: str) -> None:
    drawn = form(await page(hall, "/entries"), f"{HERE}/entries/import")
    file = {"file": ("假条.csv", ENTRIES_TABLE.encode("gb18030"))}
    pasted = {"table": ENTRIES_TABLE.replace(",", "\t").replace("\n", "\r\n")}
    answer = await send(hall, drawn, pasted if way == "pasted" else None, file if way == "file" else None)
    assert answer.status_code == 303, told(answer.text)
    assert "已登记，1 条" in told(await page(hall, answer.headers["location"]))
    (one,) = await entered(hall)
    assert (one["ref"], one["source"], one["first"]) == ("L-1", "csv", "2026-03-04T08:30+08:00")


async def test_a_table_with_a_fault_is_refused_whole_and_stays_typed(hall: Running) -> None:
    wrong = ENTRIES_TABLE + "L-2,旅游,1001,2026-03-04 08:30,2026-03-04 18:00,\n"
    text = await refused(hall, form(await page(hall, "/entries"), f"{HERE}/entries/import"), table=wrong)
    assert "没有导入任何一行" in told(text)
    assert "第3行：类别“旅游”应是" in told(text)
    assert "L-2,旅游" in form(text, f"{HERE}/entries/import").fields["table"]
    assert await entered(hall) == []
    nothing = await refused(hall, form(await page(hall, "/people"), f"{HERE}/people/import"))
    assert "请选择表格文件" in told(nothing)


async def test_an_empty_table_has_the_heads_a_table_program_reads(hall: Running) -> None:
    answer = await hall.api.get(f"{HERE}/people/template.csv")
    assert answer.content.decode("utf-8-sig") == ",".join(PEOPLE_HEADS) + "\r\n"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E4")
    assert (await hall.api.get(f"{HERE}/entries/template.csv")).text.startswith("\ufeff编号,类别,工号")


async def test_too_much_is_not_read(hall: Running) -> None:
    answer = await hall.api.post(f"{HERE}/people/import", data={"table": "x" * 5_000_000})
    assert answer.status_code == 413
