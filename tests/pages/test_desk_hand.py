"""Paper numbers at the help desk: the list as people write it, one number by its fields, and what is said of both."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hall import Service
from edge.pages.desk_handlines import numbers, read
from edge.queue.handwritten import Hand, Served
from edge.refusal import Refused
from tests.hall import Running, World, running, without_devices
from tests.pages.desks import done, page, part, refused
from tests.pages.forms import Form, forms
from tests.pages.visits import EVIL, told, words

HERE = "/desk/hand"
SERVICES = (
    Service(id="pension", unit="rs", name="养老保险", prefix="A"),
    Service(id="medical", unit="rs", name="医疗保险", prefix="C"),
)


def hhmm(hour: int, minute: int) -> int:
    return hour * 60 + minute


def lines(text: str, usual: str = "pension") -> tuple[Hand, ...]:
    return read(text, "S", SERVICES, usual, hhmm)


# ---- as people write them


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("7 9:05", [Hand("7", "pension", 545)]),
        ("S007 9:05", [Hand("007", "pension", 545)]),
        ("ｓ７号，９：０５", [Hand("7", "pension", 545)]),
        ("7\t9.05\t医疗保险", [Hand("7", "medical", 545)]),
        ("7 9:05 医疗", [Hand("7", "medical", 545)]),
        ("7 医疗保险 09:05", [Hand("7", "medical", 545)]),
        ("08-10 9:05", [Hand(each, "pension", 545) for each in ("08", "09", "10")]),
        ("S8～S9 9:05", [Hand("8", "pension", 545), Hand("9", "pension", 545)]),
        ("8 至 9 9:05", [Hand("8", "pension", 545), Hand("9", "pension", 545)]),
        ("7 9:05 3号窗口 9:10 9:20", [Hand("7", "pension", 545, Served(3, 550, 560))]),
        ("7 9:05 3窗 9:10 9:20 medical", [Hand("7", "medical", 545, Served(3, 550, 560))]),
        ("", []),
    ],
)
def test_a_line_is_read_as_it_is_meant(line: str, found: list[Hand]) -> None:
    assert list(lines(line)) == found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x 9:05", "不是号码"),
        ("7", "等候的写一个时间"),
        ("7 25:10", "看不懂"),
        ("7 9:05 9:10", "等候的写一个时间"),
        ("7 9:05 3号窗口", "等候的写一个时间"),
        ("7 9:05 9:10 9:20", "等候的写一个时间"),
        ("7-8 9:05 3号窗口 9:10 9:20", "办完的一行写一个号"),
        ("9-7 9:05", "一次最多"),
        ("1-9999 9:05", "一次最多"),
        ("7 9:05 保险", "业务写全名"),
        ("7 9:05 钓鱼", "业务写全名"),
        ("1234567 9:05", "不是号码"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(line: str, why: str) -> None:
    with pytest.raises(Refused) as found:
        lines(f"1 9:00\n\n{line}\nY 1")
    first, second = found.value.detail.split("; ")
    assert first.startswith(f"第 3 行“{line}”：")
    assert why in first
    assert second.startswith("第 4 行")


def test_a_line_without_a_service_needs_one() -> None:
    with pytest.raises(Refused, match="没有写业务"):
        lines("7 9:05", usual="")
    assert lines("7 9:05 养老保险", usual="")[0].service == "pension"


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert all(each.digits.isascii() and each.ordinal >= 0 for each in lines(text))


@given(st.integers(1, 900), st.integers(0, 150), st.booleans())
def test_a_range_is_every_number_of_it(first: int, more: int, padded: bool) -> None:
    width = 4 if padded else 0
    found = list(numbers(f"{first:0{width}d}-{first + more:0{width}d}", "S"))
    assert [int(each) for each in found] == list(range(first, first + more + 1))
    assert {len(each) for each in found} == {4} or not padded


# ---- on the page


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 10:00."""
    world = World(tmp_path, without_devices)
    world.wall.at += 3_600
    async with running(world) as hall:
        yield hall


async def drawn(hall: Running, *, many: bool) -> Form:
    found = [each for each in forms(await page(hall, HERE)) if each.action == HERE]
    return next(each for each in found if ("many" in each.fields) == many)


@pytest.mark.looptime
@pytest.mark.req("QUE-25")
async def test_a_list_is_entered_and_they_come_before_later_ones(hall: Running) -> None:
    await hall.issue("pension", channel="page")
    typed = "1 9:00\n3-4 9:02\n5 9:01 3号窗口 9:10 9:20"
    _, text = await done(hall, await drawn(hall, many=True), service="pension", lines=typed)
    assert "已补录 4 个号" in told(text)
    assert part(text, "count") == "共 4 个，等候中 3，已办结 1"
    assert part(text, "gaps") == "中间还没有录：S2"
    called = await hall.post("/windows/3/call-next")
    assert called["ticket"]["number"] == "S1"
    ticket = await page(hall, f"/tickets/{called['ticket']['id']}")
    assert "09:00 取号（手工号）" in part(ticket, "about")
    assert "取号（手工号补录） 导办台" in part(ticket, "history")
    answer = await hall.api.get("/desk", params={"find": "s5"})
    served = await page(hall, answer.headers["location"])
    assert "已办结 · 09:20" in part(served, "standing")
    assert "3号社保窗口，即办" in words(served)


@pytest.mark.looptime
async def test_one_is_entered_by_its_fields_and_the_next_is_proposed(hall: Running) -> None:
    one = await drawn(hall, many=False)
    assert one.fields["number"] == "S1"
    _, text = await done(hall, one, service="pension", number="S001", taken="09:00")
    assert "已补录 1 个号" in told(text)
    one = await drawn(hall, many=False)
    assert one.fields["number"] == "S002"
    _, text = await done(hall, one, service="medical", taken="09:05", window="3", start="09:10", end="09:20")
    assert part(text, "count") == "共 2 个，等候中 1，已办结 1"


@pytest.mark.looptime
async def test_two_presses_enter_once(hall: Running) -> None:
    many = await drawn(hall, many=True)
    typed = {"service": "pension", "lines": "1-3 9:00"}
    said = [told((await done(hall, many, typed))[1]) for _ in range(2)]
    assert ["已补录 3 个号" in said[0], "没有再录一次" in said[1]] == [True, True]
    assert len(hall.events("ticket.issued")) == 3


@pytest.mark.looptime
async def test_faults_are_told_by_line_and_what_was_typed_stays(hall: Running) -> None:
    for typed, why in (("1 9:00\n2 11:00", "S2 的取号时间还没有到"), (f"1 9:00\n{EVIL}", "第 2 行"), ("", "先写号码")):
        text = await refused(hall, await drawn(hall, many=True), 422, service="pension", lines=typed)
        assert why in told(text)
        assert "<script>" not in text
        again = next(each for each in forms(text) if "many" in each.fields)
        assert again.fields["lines"] == typed
    assert hall.events("ticket.") == []
    text = await refused(hall, await drawn(hall, many=False), 422, service="pension", number="S1", window="3")
    assert "办完的写取号时间" in told(text)
