"""The last days of a device, out of its events: spans without gaps, and what was before the first of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.devices.past import Said, Span, spans
from edge.pages.ops_history import DAY_MS, draw

CONDITIONS = st.builds(
    lambda name, active: {"condition": name, "active": active},
    st.sampled_from(["paper_out", "paper_low", "silent_2"]),
    st.booleans(),
)
EVENTS = st.lists(
    st.tuples(st.integers(0, DAY_MS), st.sampled_from(["device.up", "device.down", "device.condition"]), CONDITIONS)
)


def said(at: int, type_: str, condition: str = "", active: bool = True) -> Said:
    return Said(at, f"device.{type_}", {"condition": condition, "active": active})


@given(EVENTS, st.sampled_from(["up", "down", "none"]))
def test_spans_cover_the_time_without_gaps_or_overlaps(
    events: list[tuple[int, str, dict[str, object]]], before: str
) -> None:
    found = spans([Said(*each) for each in sorted(events, key=lambda each: each[0])], 0, DAY_MS, before)
    assert (found[0].start, found[-1].end) == (0, DAY_MS)
    for one, following in pairwise(found):
        assert one.end == following.start
        assert one.severity != following.severity


def test_without_events_it_is_as_last_known() -> None:
    for before, severity in (("up", "ok"), ("down", "bad"), ("none", "none")):
        assert spans([], 0, 9, before) == [Span(0, 9, severity)]


def test_what_ends_first_was_before() -> None:
    assert [each.severity for each in spans([said(3, "down")], 0, 9, "down")] == ["ok", "bad"]
    assert [each.severity for each in spans([said(3, "up")], 0, 9, "up")] == ["none", "ok"]
    over = said(3, "condition", "paper_out", active=False)
    assert [each.severity for each in spans([over], 0, 9, "up")] == ["bad", "ok"]


def test_a_condition_that_stops_work_is_graver_than_one_that_does_not() -> None:
    events = [said(1, "up"), said(2, "condition", "paper_low"), said(4, "condition", "paper_out")]
    assert [each.severity for each in spans(events, 0, 9, "none")] == ["none", "ok", "warn", "bad"]
    assert [each.severity for each in spans([said(1, "condition", "silent_2")], 0, 9, "up")] == ["ok", "warn"]


def test_the_strip_says_its_hours_in_words() -> None:
    svg = draw([Span(0, DAY_MS // 2, "ok"), Span(DAY_MS // 2, DAY_MS, "bad")], [(0, "3月2日")])
    assert "正常 12.0 小时，不能用 12.0 小时" in svg
    assert 'class="bad"' in svg
