"""Tables as halls keep them: Chinese heads, either encoding, and every fault told by its line."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.attendance import csvfile
from edge.attendance.entries import Duty, Leave, Outing
from edge.refusal import Refused
from tests.attendance.days import ZONE

PEOPLE = """工号,姓名,单位,科室,角色,窗口,到岗日期,调整函,同意人脸,备用方式,考勤机
1001,李四,rs,业务科,首席代表,3A;4B,2026-01-01,人函〔2026〕1号,2026-01-02,密码,gate-1;gate-2
1002,王五,rs,,,,2026-01-01,,,,
"""
ENTRIES = """编号,类别,工号,开始,结束,申请时间,批准,材料,顶岗人,顶岗到岗,报告时间,事由
slip-7,病假,1001,2026-03-02 08:30,2026-03-03 18:00,2026-03-01 17:00,首席代表 2026-03-01 18:00;hall 2026-03-01 19:00,slip;diagnosis,1002,2026-03-02 08:00,,
out-1,外出,1002,2026/3/2 9:00,2026/3/2 9:30,,,,,,2026/3/2 8:55,取件
duty-1,午间值班,1002,2026-03-02 12:00,2026-03-02 14:30,,,,,,,
"""  # noqa: E501


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_roster(encoding: str) -> None:
    li, wang = csvfile.people(PEOPLE.encode(encoding))
    assert (li.name, li.role, li.fallback, li.letter) == ("李四", "chief_representative", "pin", "人函〔2026〕1号")
    assert [(each.window, each.part) for each in li.posts] == [(3, "A"), (4, "B")]
    assert li.consent.face == date(2026, 1, 2)
    assert li.terminals == ("gate-1", "gate-2")
    assert (wang.role, wang.posts, wang.consent.face, wang.letter) == ("clerk", (), None, "")


def test_leaves_outings_and_duties_in_the_halls_own_time() -> None:
    leave, outing, duty = csvfile.entries(ENTRIES.encode(), ZONE)
    assert isinstance(leave, Leave)
    assert (leave.leave, leave.start, leave.papers) == ("sick", at("2026-03-02 08:30"), ("slip", "diagnosis"))
    assert [(each.by, each.at) for each in leave.approvals] == [
        ("chief_representative", at("2026-03-01 18:00")),
        ("hall", at("2026-03-01 19:00")),
    ]
    assert leave.substitute is not None
    assert (leave.substitute.person, leave.substitute.on_post_at) == ("1002", at("2026-03-02 08:00"))
    assert isinstance(outing, Outing)
    assert (outing.start, outing.told_at, outing.reason) == (at("2026-03-02 09:00"), at("2026-03-02 08:55"), "取件")
    assert isinstance(duty, Duty)
    assert duty.duty == "noon"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("工号,姓名,性别\n1,李,男\n", "不认识的列：性别"),
        ("工号,姓名,单位,到岗日期\n1,李,rs,昨天\n", "第2行：到岗日期写法不对"),
        ("工号,姓名,单位,到岗日期\n1,李,rs,2026-01-01\n 2 3,王,rs,2026-01-01\n", "第3行：工号里有不能用的字符"),
        ("工号,姓名,单位,窗口,到岗日期\n1,李,rs,三号,2026-01-01\n", "第2行：窗口“三号”"),
        ("工号,姓名,单位,到岗日期\n1,李,rs,2026-01-01,多\n", "第2行：比表头多"),
        ('工号,姓名\n1,"李\n', "不是 CSV"),
    ],
)
def test_a_fault_is_told_by_line(table: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        csvfile.people(table.encode())
    assert refused.value.status == 422
    assert told in f"{refused.value.title} {refused.value.detail}"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("慢假,1001,2026-03-02 08:30,2026-03-02 09:00", "类别"),
        ("事假,1001,2026-03-02 08:30,2026-03-01 09:00", "结束早于开始"),
    ],
)
def test_an_entry_that_cannot_be_meant(cells: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        csvfile.entries(f"编号,类别,工号,开始,结束\ns1,{cells}\n".encode(), ZONE)


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_half_taken(data: bytes) -> None:
    try:
        assert csvfile.people(data) == ()
    except Refused as refused:
        assert refused.status == 422  # noqa: PT017


@given(
    st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
def test_any_name_comes_through(name: str) -> None:
    told = io.StringIO()
    csv.writer(told).writerows([["工号", "姓名", "单位", "到岗日期"], ["1", name, "rs", "2026-01-01"]])
    (found,) = csvfile.people(told.getvalue().encode("utf-8-sig"))
    assert found.name == name
