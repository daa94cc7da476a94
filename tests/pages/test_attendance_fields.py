"""What a form shows of an entry and makes of it again is the same entry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.attendance.entries import ENTRY, MODELS
from edge.attendance.profile import Profile
from edge.pages import attendance_fields as forms
from edge.pages.attendance_fields import approvers, corrected, fields_of, papers
from tests.attendance.days import LOADED, ZONE
from tests.attendance.office import person

EVERYBODY = [person("li"), person("wang")]
COUNTY: Profile = LOADED["county_xx"].profile
at = st.integers(0, 360 * 86_400).map(lambda seconds: datetime(2026, 1, 1, tzinfo=ZONE) + timedelta(seconds=seconds))
maybe = st.none() | at
text = st.text("档案馆 取件&<>'\"", max_size=20).map(str.strip)
ticks = st.booleans()


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Those that have a value."""
    return st.fixed_dictionaries(fields).map(lambda given: {k: v for k, v in given.items() if v is not None})


approvals = st.lists(
    st.fixed_dictionaries({"by": st.sampled_from([id_ for id_, _ in approvers(COUNTY)]), "at": at}),
    unique_by=lambda each: each["by"],
    max_size=3,
)
stands_in = some(person=st.just("wang"), filed_at=maybe, on_post_at=maybe, until=st.none() | at.map(datetime.date))
KINDS = {
    "leave": some(
        leave=st.sampled_from(["personal", "sick", "annual"]),
        asked_at=at,
        approvals=approvals,
        papers=st.lists(st.sampled_from([id_ for id_, _ in papers(COUNTY)]), unique=True),
        substitute=st.none() | stands_in,
        returned_at=maybe,
        **dict.fromkeys(("consent", "lone_window", "refused", "deceived"), ticks),
    ),
    "outing": some(
        **dict.fromkeys(("told_at", "registered_at", "approved_at"), maybe),
        place=text,
        reason=text,
        recalled=ticks,
        reported_by=st.sampled_from(["person", "unit"]),
    ),
    "duty": some(
        duty=st.sampled_from(["noon", "overtime"]),
        reported_at=maybe,
        swapped_from=st.sampled_from([None, "wang"]),
        log=text,
    ),
    "study": some(present=ticks, reason=text),
    "off_post": some(found_by=st.sampled_from(["patrol", "empty_window", "camera"])),
}
given_entries = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.tuples(st.just(kind), KINDS[kind], at, st.integers(0, 50_000))
)


@given(given_entries)
def test_an_entry_through_its_form_is_the_same(made: tuple[str, dict[str, Any], datetime, int]) -> None:
    kind, body, start, seconds = made
    known = {"kind": kind, "ref": "r1", "person": "li", "start": start, "end": start + timedelta(seconds=seconds)}
    entry = ENTRY.validate_python(known | body)
    shown = {name: value for name, value in fields_of(entry, ZONE).items() if value}
    assert corrected(entry, shown, EVERYBODY, ZONE) == entry


def test_every_kind_has_a_form() -> None:
    assert forms.KINDS.keys() == MODELS.keys()
