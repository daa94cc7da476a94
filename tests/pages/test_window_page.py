"""The window console as the service draws it: its keys, both languages, what its hall has, and what its sign tells."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest

from edge.hallqueue import Outcome
from edge.pages import console
from edge.queue.tickets import STATES
from tests.access.test_routes import enrol, guarded
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime
KEYS = (*console.first_keys("instant"), *console.other_keys(3))
STATIC = Path(console.__file__).parent / "static"
WORDS: dict[str, list[str]] = json.loads((STATIC.parent / "templates" / "window.json").read_text("utf-8"))
SCRIPTS = {name: (STATIC / f"{name}.js").read_text("utf-8") for name in ("window", "moves", "duty")}


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


async def page(hall: Running, path: str) -> str:
    answer = await hall.api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


# ---- keys and words


def test_no_key_means_two_moves_at_once() -> None:
    """Those of one key are shown in different states of the window."""
    for each in KEYS:
        others = [other for other in KEYS if other.key == each.key and other.id != each.id]
        shown = {state for other in others for state in str(other.data["shown"]).split()}
        assert not shown & set(str(each.data.get("shown", "")).split())
    assert {"?", "m"}.isdisjoint(each.key for each in KEYS)


def test_the_call_box_and_the_page_have_the_same_keys_as_ever() -> None:
    by_key = {each.key: each.id for each in reversed(KEYS)}
    known = {"Enter": "call-next", "+": "recall", "/": "finish", "-": "miss", "*": "pause"}
    known |= {"1": "hold", "2": "back", "3": "transfer"}
    assert by_key.items() >= known.items()


def test_each_outcome_has_its_words() -> None:
    assert set(console.OUTCOMES) == set(get_args(Outcome))


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_say_the_same(key: str) -> None:
    chinese, english = WORDS[key]
    assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english))
    assert not re.search(r"[一-鿿]", english)


def test_the_scripts_say_nothing_themselves() -> None:
    for name, text in SCRIPTS.items():
        assert not re.search(r"[一-鿿]", text), name
    named = "".join(SCRIPTS.values())
    assert [key for key in WORDS if f'"{key}"' not in named and key not in STATES] == []


async def test_in_english_only_what_the_hall_calls_things_is_chinese(hall: Running) -> None:
    text = await page(hall, "/window/3?lang=en")
    assert 'lang="en"' in text
    body = re.sub(r"<script.*?</script>|<option.*?</option>|<(title|template).*?</\1>", "", text, flags=re.S)
    left = re.findall(r"[一-鿿]+", re.sub(r'placeholder="[^"]*"', "", body))
    assert set(left) == {"社保窗口", "中文"}


async def test_what_the_page_shows_of_now_is_said_in_both_languages(hall: Running) -> None:
    await hall.issue("pension")
    chinese, english = await page(hall, "/window/3/now"), await page(hall, "/window/3/now?lang=en")
    assert "下一位 <b>A001</b> 养老保险：先到先办" in chinese
    assert "Next <b>A001</b> 养老保险: 先到先办" in english
    ids = [re.findall(r'id="([\w-]+)"', text) for text in (chinese, english, await page(hall, "/window/3"))]
    assert ids[0] == ids[1]
    tops = {"up", "alerts", "lacks", "today", "next", "sign", "clerk", "hand", "hand-who", "materials"}
    assert tops <= set(ids[2]) & set(ids[0])
    assert len(ids[2]) == len(set(ids[2]))


# ---- what the hall has


async def test_a_hall_that_wants_every_outcome_said_is_told_the_usual_one(tmp_path: Path) -> None:
    def strict(text: str) -> str:
        changed = without_devices(text).replace('outcome = "instant"', 'outcome = "committed"')
        return changed.replace("outcome_required = false", "outcome_required = true")

    async with running(World(tmp_path, strict)) as hall:
        button = re.search(r'<button[^>]*id="finish"[^>]*>', await page(hall, "/window/3"))
        assert button is not None
        assert 'name="outcome" value="committed"' in button[0]
        ticket = await hall.issue("pension")
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", 422, ticket=ticket["id"])
        done = await hall.post("/windows/3/finish", ticket=ticket["id"], outcome="committed")
        assert done["outcome"] == "committed"


@pytest.mark.req("PRN-04")
async def test_a_notice_asks_what_only_the_clerk_knows(hall: Running) -> None:
    text = await page(hall, "/window/3")
    for outcome, asked in {"supplement": ["applicant", "deadline"], "rejected": ["applicant", "basis"]}.items():
        form = text[text.index(f'<dialog id="{outcome}"') :]
        assert re.findall(r'name="values\.(\w+)"', form[: form.index("</dialog>")]) == asked


async def test_the_page_says_which_printer_prints_or_that_none_does(tmp_path: Path, hall: Running) -> None:
    assert "本窗口没有通知书打印机" in await page(hall, "/window/3")
    (tmp_path / "with").mkdir()
    async with running(World(tmp_path / "with")) as other:
        assert "从“窗口通知单打印机”打印通知书" in await page(other, "/window/3")


async def test_the_ticks_are_those_of_the_ticket_in_hand(hall: Running) -> None:
    assert 'name="missing"' not in await page(hall, "/window/3/now")
    await hall.issue("pension")
    await hall.post("/windows/3/call-next")
    ticks = re.findall(r'name="missing" value="([^"]+)" data-digit="(\d)"', await page(hall, "/window/3/now"))
    assert ticks == [("身份证原件", "1"), ("参保缴费凭证", "2"), ("银行卡复印件", "3")]


@pytest.mark.req("EVAL-12")
async def test_of_a_rating_the_clerk_sees_only_that_there_is_one(hall: Running) -> None:
    ticket = await hall.issue("pension")
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/finish", ticket=ticket["id"])
    waiting = await page(hall, "/window/3/now")
    evaluation = await hall.get("/windows/3/evaluation")
    await hall.post(f"/evaluations/{evaluation['id']}", level=1)
    rated = await page(hall, "/window/3/now")
    assert ("等待评价" in waiting, "已评价" in rated) == (True, True)
    assert "不满意" not in rated


# ---- hand-over and alerts


@pytest.mark.req("WIN-09", "WIN-10")
async def test_both_see_who_hands_over_to_whom(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    await hall.post("/windows/3/hand-over", to="1001")
    assert '<p id="hand">赵静 1003 请 李明 1001 接替，等本人确认</p>' in await page(hall, "/window/3/now")
    await hall.post("/windows/3/hand-over/confirm", staff="1001")
    assert '<p id="clerk">李明 1001，代 赵静 1003</p>' in await page(hall, "/window/3/now")


@pytest.mark.req("WIN-21", "WIN-22", "WIN-24")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("help", "<b>求助</b> 已通知 大厅值班人员，等待确认"),
        ("dispute", "<b>纷争</b> 已通知 窗口负责人，等待确认"),
        ("emergency", "<b>紧急情况</b> 已通知 中心，等待确认"),
        ("hazard", "<b>安全隐患</b> 已通知 保安，等待确认"),
    ],
)
async def test_who_called_for_help_sees_who_was_told_and_who_comes(hall: Running, kind: str, told: str) -> None:
    alert = await hall.post("/windows/3/alert", kind=kind)
    assert told in await page(hall, "/window/3/now")
    await hall.post(f"/alerts/{alert['id']}/acknowledge", by="周主任")
    assert "周主任 已确认" in await page(hall, "/window/3/now")
    assert "已确认" not in await page(hall, "/window/2/now")


# ---- the sign


@pytest.mark.req("WIN-01", "WIN-03", "WIN-05")
@pytest.mark.parametrize(
    "pause",
    [
        {"sign": "wait_a_moment"},
        {"sign": "suspended", "resume": "14:30", "contact": "67890"},
        {"sign": "go_to", "other": "1"},
        {"sign": "away", "place": "<二楼>", "resume": "9:05"},
    ],
    ids=lambda pause: pause["sign"],
)
async def test_the_sign_on_a_pause_is_told_as_it_will_stand(hall: Running, pause: dict[str, Any]) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    answer = await hall.api.get("/window/3/sign", params=pause)
    await hall.post("/windows/3/pause", **pause)
    stands = (await hall.get("/windows/3"))["sign"]
    assert answer.text == f"<p>{stands.replace('<', '&lt;').replace('>', '&gt;')}</p>"


async def test_what_is_no_pause_and_no_window_is_refused(hall: Running) -> None:
    for path, status in {
        "/window/3/sign?sign=closed": 422,
        "/window/99/sign?sign=suspended": 404,
        "/window/99/now": 404,
        "/window/99": 404,
        "/window/x": 404,
        "/window/3/code.svg": 422,
    }.items():
        assert (await hall.api.get(path)).status_code == status, path


async def test_a_code_to_photograph(hall: Running) -> None:
    answer = await hall.api.get("/window/3/code.svg?text=B7K3M9Q2XP")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "<svg" in answer.text


async def test_a_token_for_one_window_opens_only_its_console(tmp_path: Path) -> None:
    async with running(World(tmp_path, guarded)) as hall:
        await enrol(hall, "third", "window", "3")
        for path in ("/window/{}", "/window/{}/now", "/window/{}/sign?sign=suspended", "/window/{}/code.svg?text=x"):
            for no, status in ((3, 200), (1, 403)):
                answer = await hall.api.get(path.format(no), headers={"Authorization": "Bearer third"})
                assert answer.status_code == status, path
