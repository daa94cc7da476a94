"""How far the present queue is played on, and what is told to those who wait behind that."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.queue import learning, outlook
from edge.queue.forecast import Desk, Expected
from edge.queue.outlook import Outlook, Place
from edge.queue.work import work
from tests.hall import Running, running
from tests.queue.test_estimates import HOURS, OTHER, later, window, world

pytestmark = pytest.mark.looptime


# ---- what windows can do

SPANS = st.lists(st.tuples(st.floats(0, 1e4), st.floats(0.1, 1e4)), max_size=3)


def desk(*on: tuple[float, float]) -> Desk:
    return Desk(("a",), 0.0, on)


def test_work_stands_still_while_nobody_is_on() -> None:
    """One window until 100 and from 200 to 300, another from 50 on."""
    both = work([desk((0.0, 100.0), (200.0, 300.0)), desk((50.0, 250.0))])
    assert [both.done(each) for each in (-5.0, 0.0, 50.0, 100.0, 200.0, 225.0, 1000.0)] == [
        0,
        0,
        50,
        150,
        250,
        300,
        400,
    ]
    assert [both.moment(each) for each in (0.0, 100.0, 300.0, 374.0, 400.0)] == [0, 75, 225, 274, None]
    alone = work([desk((0.0, 100.0), (200.0, math.inf))])
    assert [alone.moment(each) for each in (99.0, 100.0, 150.0)] == [99, 200, 250]
    assert work([]).moment(0.0) is None


@given(st.lists(SPANS, max_size=4), st.floats(0, 5e4))
def test_when_work_is_done_it_is_done(spans: list[list[tuple[float, float]]], time: float) -> None:
    """`moment` undoes `done`, but for a time when nobody was on: then it is the next that somebody is."""
    made = work([desk(*((start, start + long) for start, long in each)) for each in spans])
    back = made.moment(made.done(time))
    assert back is None or back >= time - 1e-6
    assert back is None or made.done(back) == pytest.approx(made.done(time), abs=1e-6)


# ---- who waits behind those who are played on


def made(hall: Running, most: int) -> Outlook:
    """Played on for so many calls."""
    parts = hall.parts
    with (
        mock.patch.multiple(outlook, AT_LEAST=most, EACH=0),
        parts.database.read() as connection,
    ):
        means = learning.mean_s(connection, parts.hall, parts.clock.now().day)
        return outlook.make(connection, parts.hall, parts.clock.now(), parts.journal.last, means, {})


def told(hall: Running, it: Outlook) -> dict[str, list[float]]:
    """Line -> minutes of each of its tickets in their order; inf where it is too late today."""
    with hall.parts.database.read() as connection:
        sql = "SELECT id, service, rank FROM ticket WHERE state='waiting' ORDER BY rank, position"
        rows = connection.exec_driver_sql(sql).all()
    found: dict[str, list[float]] = {}
    for ticket, service, rank in rows:
        line = found.setdefault(service, [])
        guess = outlook.expected(it, Place(ticket, service, rank, len(line)), it.at)
        line.append(guess.rollout if isinstance(guess, Expected) else math.inf)
    return found


WINDOWS = (window(1, "a"), window(2, "a", "b"), window(3, "b"))


async def fill(hall: Running, *services: str) -> None:
    for service in services:
        await hall.issue(service)
        later(hall, 0.05)


@pytest.mark.req("QUE-03")
@pytest.mark.parametrize("services", ["ab" * 30, "aab" * 20, "aaaaab" * 10, "a" * 30 + "b" * 30])
async def test_estimates_agree_before_and_behind_the_horizon(tmp_path: Path, services: str) -> None:
    async with running(world(tmp_path, *WINDOWS)) as hall:
        await fill(hall, *services)
        all_, some = told(hall, made(hall, 1_000)), told(hall, made(hall, 30))
        assert made(hall, 30).waiting == len(services)
        for line, whole in all_.items():
            near = some[line]
            assert near == sorted(near)
            steps = [after - before for before, after in pairwise(near)]
            assert max(steps) <= 3 * fmean(steps) + 10, "no leap where the horizon is"
            assert fmean(abs(a - b) / max(20, a) for a, b in zip(whole, near, strict=True)) < 0.25


@pytest.mark.parametrize("at_close", ["case_in_hand", "serve_waiting"])
async def test_behind_the_horizon_there_are_breaks_and_a_closing_too(tmp_path: Path, at_close: str) -> None:
    """Fifteen until noon, eighteen after it, and then it is too late, or goes on."""
    hours = HOURS + f'at_close = "{at_close}"\n'
    async with running(world(tmp_path, window(1, "a"), OTHER, more=hours)) as hall:
        await fill(hall, *"a" * 40)
        whole, some = (told(hall, made(hall, most))["a"] for most in (1_000, 10))
        assert math.isinf(whole[-1]) == (at_close == "case_in_hand")
        assert some == pytest.approx(whole, abs=0.01)


async def test_a_line_without_a_window_is_promised_nothing_behind_the_horizon_either(tmp_path: Path) -> None:
    async with running(world(tmp_path, window(1, "a"), OTHER)) as hall:
        await hall.post("/windows/9/close")
        await fill(hall, *"a" * 30, "b")
        for most in (1_000, 10):
            assert told(hall, made(hall, most))["b"] == [math.inf]
            assert made(hall, most).lines["b"].why == "no_window"


async def test_a_long_line_weighs_what_it_is(tmp_path: Path) -> None:
    """Ten of each came first, then fifty more of one: its line counts as the older, and both windows turn to it."""
    async with running(world(tmp_path, window(1, "a", "b"), window(2, "b", "a"))) as hall:
        await fill(hall, *"ab" * 10, *"a" * 50)
        whole, some = told(hall, made(hall, 1_000)), told(hall, made(hall, 20))
        assert some["a"][:8] == whole["a"][:8]
        assert whole["b"][0] > 60


async def test_the_horizon_grows_with_the_windows_that_are_open(tmp_path: Path) -> None:
    async with running(world(tmp_path, *(window(no, "a") for no in range(1, 17)), OTHER.replace("9", "17"))) as hall:
        with mock.patch.object(outlook, "AT_LEAST", 20):
            await fill(hall, *"a" * 60)
            assert len(hall.parts.forecasts.fresh().called) > 60
            for no in range(3, 18):
                await hall.post(f"/windows/{no}/close")
            later(hall, 1)
            assert len(hall.parts.forecasts.fresh().called) == 2 * outlook.EACH
