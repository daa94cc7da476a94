"""What waits to go out to a device: the present, not the backlog; a call stands its time; moments fall away."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.devices import line as line_module
from edge.devices.line import Line
from edge.notices.outputs import Beep, ShowNumber, ShowText

STANDS_S = 5.0


@pytest.fixture(autouse=True, scope="module")
def _no_refresh() -> Iterator[None]:
    """What goes out again by itself has a test of its own."""
    with mock.patch.object(line_module, "REFRESH_S", float("inf")):
        yield


def call(text: str) -> ShowText:
    return ShowText("led", 1, text, STANDS_S)


def idle(text: str) -> ShowText:
    return ShowText("led", 1, text)


TEXTS = st.lists(st.tuples(st.floats(0, 10), st.sampled_from("abcde"), st.booleans()), max_size=12)


def play(wanted: list[tuple[float, str, bool]]) -> list[tuple[float, ShowText]]:
    """What a device shows, and when, for texts wanted after pauses; it is asked whenever something is due."""
    line, time, shown = Line(), 0.0, []
    for pause, text, is_call in [*wanted, (1000.0, "", False)]:
        until = time + pause
        while (due := line.due_in(time)) is not None and time + due <= until:
            time += due
            state = line.take(0, time)
            if isinstance(state, ShowText):
                shown.append((time, state))
        time = until
        if text:
            line.want(call(text) if is_call else idle(text))
    return shown


@given(TEXTS)
def test_the_last_stays_and_every_call_stands_its_time(wanted: list[tuple[float, str, bool]]) -> None:
    shown = play(wanted)
    if wanted:
        assert shown[-1][1].text == wanted[-1][1]
    for (at, state), (after, _) in itertools.pairwise(shown):
        assert after - at >= state.minimum_s - 1e-6
    different = [each for each, _ in itertools.groupby((text, is_call) for _, text, is_call in wanted)]
    calls = [text for text, is_call in different if is_call]
    if len(calls) <= 8:
        assert [state.text for _, state in shown if state.minimum_s] == calls


def test_two_calls_in_one_second_both_get_their_time() -> None:
    shown = play([(0.0, "a", True), (0.5, "b", True)])
    assert [(round(at, 3), state.text) for at, state in shown] == [(0.0, "a"), (5.0, "b")]


def test_an_idle_text_nobody_saw_gives_way() -> None:
    shown = play([(0.0, "a", True), (0.5, "b", False), (0.1, "c", True)])
    assert [state.text for _, state in shown] == ["a", "c"]


def test_a_device_that_comes_back_is_shown_the_present() -> None:
    line = Line()
    for text in "abc":
        line.want(call(text))
    line.want(ShowNumber("led", 1, 7, 3))
    line.everything()
    assert [line.take(0, 0.0), line.take(0, 0.0), line.take(0, 0.0)] == [call("c"), ShowNumber("led", 1, 7, 3), None]


def test_what_was_refused_waits_alone_and_gives_way_to_the_newer() -> None:
    line = Line()
    line.want(idle("a"))
    line.want(ShowText("led", 2, "other"))
    first = line.take(0, 0.0)
    assert isinstance(first, ShowText)
    line.again(first, 1.0)
    assert line.take(0, 0.0) == ShowText("led", 2, "other")
    assert line.take(0, 0.5) is None
    line.want(idle("b"))
    assert line.take(0, 1.0) == idle("b")
    assert line.due_in(1.0) == float("inf")


def test_a_moment_past_its_time_is_not_sent() -> None:
    line = Line()
    line.add(Beep("box", 1, until=1000))
    line.add(Beep("box", 2, until=3000))
    assert line.take(2000, 0.0) == Beep("box", 2, until=3000)
    assert line.take(2000, 0.0) is None


def test_what_stands_goes_out_again_by_itself() -> None:
    with mock.patch.object(line_module, "REFRESH_S", 60.0):
        line = Line()
        line.want(idle("a"))
        assert line.take(0, 0.0) == idle("a")
        assert line.take(0, 59.0) is None
        assert line.due_in(59.0) == 1.0
        assert line.take(0, 60.0) == idle("a")
