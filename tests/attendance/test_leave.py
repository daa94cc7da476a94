"""Who approves how much leave, when it stands, who must stand in, and what short ways out need."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from edge.attendance.leave import (
    Approval,
    Judged,
    Request,
    SubstitutePost,
    cap_state,
    effect,
    judge,
    leave_days,
    months_later,
    substitute_rule,
)
from edge.attendance.levels import level_for
from edge.attendance.outing import Outing, outing_effect
from edge.attendance.punches import Span
from edge.attendance.rules import OffPost
from tests.attendance.days import MONDAY, ZONE, at, leave, profile, result, span, told

req = pytest.mark.req
FRIDAY = MONDAY - timedelta(days=3)
BEFORE = at("09:00", FRIDAY)

LEVELS = [
    pytest.param("yimen", 1, ["chief_representative"], marks=req("LEAVE-04")),
    pytest.param("yimen", 1.5, ["stationed_unit"], marks=req("LEAVE-05")),
    pytest.param("nanshan_jinan", 0.5, ["service_section_head"], marks=req("LEAVE-10")),
    pytest.param("nanshan_jinan", 0.75, ["unit_deputy_head", "hall_head"], id="nanshan-gap"),
    pytest.param("nanshan_jinan", 1, ["unit_deputy_head", "hall_head"], marks=req("LEAVE-11")),
    pytest.param("nanshan_jinan", 2.5, ["unit_deputy_head", "hall_head"], marks=req("LEAVE-11")),
    pytest.param("nanshan_jinan", 3, ["unit_head", "hall_head"], marks=req("LEAVE-12")),
    pytest.param("yuanzhou", 1, ["hall_head"], marks=req("LEAVE-16")),
    pytest.param("yuanzhou", 1.5, ["unit_leader", "chief_representative", "hall_head"], id="yuanzhou-gap"),
    pytest.param("yuanzhou", 2, ["unit_leader", "chief_representative", "hall_head"], marks=req("LEAVE-16")),
    pytest.param("county_xx", 1, ["hall"], marks=req("LEAVE-20")),
    pytest.param("county_xx", 1.5, ["stationed_unit", "hall"], marks=req("LEAVE-21")),
    pytest.param("county_xx", 3, ["stationed_unit", "hall"], marks=req("LEAVE-21")),
    pytest.param("county_xx", 3.5, ["stationed_unit", "county_office"], marks=req("LEAVE-22")),
    pytest.param("county_xx", 7, ["stationed_unit", "county_office"], marks=req("LEAVE-22")),
    pytest.param("county_xx", 7.5, ["unit_main_leader", "county_leader"], marks=req("LEAVE-23")),
    pytest.param("guandu", 30, ["chief_representative"], id="default"),
]


@pytest.mark.parametrize(("hall", "days", "approve"), LEVELS)
def test_who_approves(hall: str, days: float, approve: list[str]) -> None:
    assert list(level_for(profile(hall), days)[0].approve) == approve


def test_what_falls_between_two_levels_goes_to_the_next_one_up() -> None:
    hall = profile("yimen")
    low, high = hall.leave.levels
    levels = (low.model_copy(update={"max_inclusive": False}), high)
    gap = hall.model_copy(update={"leave": hall.leave.model_copy(update={"levels": levels})})
    assert level_for(gap, 1)[0] == high


@pytest.mark.parametrize(
    ("hall", "start", "end", "days"),
    [
        ("yimen", at("08:30"), at("12:00"), 0.5),
        ("yimen", at("12:00"), at("18:00"), 0.5),
        ("yimen", at("08:30", FRIDAY), at("18:00"), 2),
        ("yimen", at("14:30", date(2026, 9, 30)), at("12:00", date(2026, 10, 8)), 1),
        ("county_xx", at("00:00"), at("00:00", MONDAY + timedelta(days=1)), 1),
    ],
)
def test_leave_is_counted_in_parts_of_working_days(hall: str, start: datetime, end: datetime, days: float) -> None:
    assert leave_days(profile(hall), {}, ZONE, Span(start, end)) == days


def request(hall: str, kind: str = "personal", *, days: int = 1, **more: object) -> Request:
    """Asked and approved by everybody on Friday, from Monday morning on, with every paper of its level."""
    whole = Span(at("00:00"), at("00:00", MONDAY + timedelta(days=days)))
    level = level_for(profile(hall), leave_days(profile(hall), {}, ZONE, whole))[0]
    given: dict[str, object] = {
        "asked_at": BEFORE,
        "approvals": tuple(Approval(each, BEFORE) for each in level.approve),
        "papers": frozenset(level.papers),
        "substitute": SubstitutePost("wu", BEFORE, at("08:00", FRIDAY)),
    }
    return Request("request-1", "li", "clerk", kind, whole, **{**given, **more})  # type: ignore[arg-type]


def judged(hall: str, kind: str = "personal", **more: object) -> Judged:
    return judge(profile(hall), {}, ZONE, request(hall, kind, **more))  # type: ignore[arg-type]


def faults(hall: str, kind: str = "personal", **more: object) -> list[str]:
    return [each.kind for each in judged(hall, kind, **more).faults]


@pytest.mark.parametrize("hall", ["yimen", "nanshan_jinan", "yuanzhou", "county_xx"])
def test_a_leave_with_everything_in_order_stands(hall: str) -> None:
    good = judged(hall)
    assert good.faults == ()
    assert [each.span for each in effect(profile(hall), good).covers] == [good.request.span]


@req("LEAVE-04", "LEAVE-20", "ATT-15")
@pytest.mark.parametrize("hall", ["yimen", "county_xx"])
@pytest.mark.parametrize(
    ("lacks", "fault", "reason"),
    [
        ({"approvals": ()}, "unapproved", "not_approved"),
        ({"papers": frozenset()}, "paper_missing", "not_approved"),
        ({"refused": True}, "refused", "not_approved"),
        ({"deceived": True}, "deceived", "deceived"),
    ],
)
def test_a_leave_that_lacks_something_covers_nothing(
    hall: str, lacks: dict[str, object], fault: str, reason: str
) -> None:
    poor = judged(hall, **lacks)  # type: ignore[arg-type]
    done = effect(profile(hall), poor)
    assert [each.kind for each in poor.faults] == [fault]
    assert (done.covers, [each.reason for each in done.denied]) == ((), [reason])


def late_by(moment: datetime, **more: object) -> dict[str, object]:
    return {"asked_at": moment, **more}


AFTER = MONDAY + timedelta(days=1)
RETRO = [
    pytest.param("yimen", late_by(at("23:59", AFTER + timedelta(days=1))), [], marks=req("LEAVE-06")),
    pytest.param("yimen", late_by(at("00:00", AFTER + timedelta(days=2))), ["too_late"], marks=req("LEAVE-06")),
    pytest.param("nanshan_jinan", late_by(at("09:00", AFTER)), ["paper_missing"], marks=req("LEAVE-14")),
    pytest.param("nanshan_jinan", late_by(at("09:00", AFTER), papers={"proof"}), [], marks=req("LEAVE-14")),
    pytest.param("yuanzhou", late_by(at("09:00", AFTER)), ["too_late"], marks=req("LEAVE-18")),
    pytest.param("yuanzhou", late_by(at("09:00", AFTER), consent=True), [], marks=req("LEAVE-18")),
    pytest.param("county_xx", late_by(at("09:00", AFTER)), ["too_late"], id="county-beforehand-only"),
]


@pytest.mark.parametrize(("hall", "facts", "expected"), RETRO)
def test_formalities_afterwards(hall: str, facts: dict[str, object], expected: list[str]) -> None:
    assert faults(hall, **facts) == expected  # type: ignore[arg-type]


@req("LEAVE-15")
def test_sick_leave_without_the_hospitals_proof_is_refused_in_nanshan() -> None:
    assert faults("nanshan_jinan", "sick") == ["paper_missing"]
    assert faults("nanshan_jinan", "sick", papers=frozenset({"hospital_proof"})) == []


@req("LEAVE-24")
def test_sick_leave_of_more_than_a_day_without_its_proof_is_personal_leave() -> None:
    papers = frozenset({"slip", "unit_seal", "diagnosis"})
    kinds = [judged("county_xx", "sick", **each).kind for each in ({}, {"days": 2}, {"days": 2, "papers": papers})]
    assert kinds == ["sick", "personal", "sick"]


@req("LEAVE-25", "LEAVE-28")
def test_annual_leave_in_parts_and_leave_that_is_reported_back() -> None:
    assert faults("county_xx", "annual", days=4) == ["part_too_short"]
    assert faults("county_xx", "annual", days=5) == []
    assert faults("county_xx", "funeral") == ["return_not_reported"]
    assert faults("county_xx", "funeral", returned_at=at("08:00", AFTER)) == []


SUBSTITUTES = [
    pytest.param("yimen", "personal", 1, {}, False, marks=req("LEAVE-34")),
    pytest.param("yimen", "personal", 1.5, {}, True, marks=req("LEAVE-34")),
    pytest.param("nanshan_jinan", "personal", 0.5, {}, True, marks=req("LEAVE-13", "LEAVE-35")),
    pytest.param("yuanzhou", "personal", 0.5, {}, False, marks=req("LEAVE-17")),
    pytest.param("yuanzhou", "personal", 0.5, {"lone_window": True}, True, marks=req("LEAVE-17")),
    pytest.param("yuanzhou", "personal", 1, {}, True, marks=req("LEAVE-19")),
    pytest.param("county_xx", "personal", 0.5, {}, False, marks=req("LEAVE-29")),
    pytest.param("county_xx", "personal", 1, {}, True, marks=req("LEAVE-29")),
    pytest.param("county_xx", "marriage", 0.5, {}, True, marks=req("LEAVE-29")),
    pytest.param("county_xx", "funeral", 0.5, {}, False, id="county-funeral-is-not-in-the-list"),
    pytest.param("county_xx", "training", 0.5, {}, True, marks=req("LEAVE-36")),
    pytest.param("guandu", "personal", 30, {}, False, id="default"),
]


@pytest.mark.parametrize(("hall", "kind", "days", "more", "needed"), SUBSTITUTES)
def test_who_needs_a_substitute(hall: str, kind: str, days: float, more: dict[str, object], needed: bool) -> None:
    assert (substitute_rule(profile(hall), request(hall, kind, **more), days) is not None) == needed  # type: ignore[arg-type]


@req("LEAVE-37")
def test_the_rule_for_the_chief_representative_is_named() -> None:
    asked = Request("r", "li", "chief_representative", "personal", span("08:30", "18:00"), BEFORE)
    clause = substitute_rule(profile("county_xx"), asked, 1)
    assert clause is not None
    assert "LEAVE-37" in clause.source


@req("LEAVE-30")
def test_until_the_substitute_is_on_post_the_leave_does_not_stand() -> None:
    arrived = SubstitutePost("wu", BEFORE, at("09:10"))
    late = effect(profile("county_xx"), judged("county_xx", substitute=arrived))
    assert [(each.span.start, each.span.end) for each in late.denied] == [(at("00:00"), at("09:10"))]
    assert told(result("county_xx", "", covers=late.covers, denied=late.denied)) == ["absent 0.5"]
    came = result("county_xx", "08:20 >09:10", covers=late.covers, denied=late.denied)
    assert told(came) == []


@req("LEAVE-13", "LEAVE-30")
@pytest.mark.parametrize("hall", ["nanshan_jinan", "county_xx"])
@pytest.mark.parametrize("stands_in", [None, SubstitutePost("wu", BEFORE)])
def test_without_a_substitute_the_leaver_is_absent(hall: str, stands_in: SubstitutePost | None) -> None:
    alone = effect(profile(hall), judged(hall, substitute=stands_in))
    day = result(hall, "", covers=alone.covers, denied=alone.denied)
    assert (alone.covers, day.absent_days) == ((), 1)
    assert {each.evidence.note for each in day.of("absent")} == {"no_substitute"}


@req("LEAVE-13")
def test_only_where_one_is_needed_a_substitute_is_wanting() -> None:
    assert faults("nanshan_jinan", substitute=None) == ["no_substitute"]
    assert faults("yimen", substitute=None) == []
    assert len(effect(profile("yimen"), judged("yimen", substitute=None)).covers) == 1


@req("LEAVE-31")
def test_a_substitute_is_filed_beforehand() -> None:
    unfiled = SubstitutePost("wu", None, at("08:00"))
    assert faults("county_xx", substitute=unfiled) == ["substitute_not_filed"]
    assert faults("yimen", substitute=unfiled) == []


@req("LEAVE-19")
def test_a_substitute_stays_a_month_at_most() -> None:
    for until, expected in ((date(2026, 12, 22), []), (date(2026, 12, 23), ["substitute_too_long"])):
        assert faults("yuanzhou", substitute=SubstitutePost("wu", BEFORE, at("00:00"), until)) == expected
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)


@req("ATT-16", "ATT-18")
def test_a_leave_that_is_overstayed_ends_all_the_same() -> None:
    long_away = judged("yimen", returned_at=at("09:00", AFTER + timedelta(days=1)))
    done = effect(profile("yimen"), long_away)
    day = result("yimen", "", on=AFTER, covers=done.covers, denied=done.denied)
    assert (day.absent_days, {each.evidence.note for each in day.of("absent")}) == (1, {"overstayed"})


def test_who_is_back_on_time_has_not_overstayed() -> None:
    back = effect(profile("yimen"), judged("yimen", returned_at=at("00:00", AFTER)))
    assert (len(back.covers), back.denied) == (1, ())


# ---- the monthly cap


CAPS = [
    # (role, [(kind, days)], what the cap counts, what is exceeded first)
    ("clerk", [("personal", 1)] * 3, (3, 3), None),
    ("clerk", [("personal", 1)] * 4, (4, 4), "days"),
    ("clerk", [("personal", 0.5)] * 4, (2, 4), "times"),
    ("clerk", [("personal", 0.75)] * 4, (3, 4), "times"),
    ("clerk", [("personal", 4)], (4, 1), "days"),
    ("chief_representative", [("sick", 1)] * 5, (5, 5), None),
    ("chief_representative", [("personal", 0.5)] * 6, (3, 6), "times"),
    ("clerk", [("annual", 10), ("marriage", 3), ("maternity", 90), ("home_visit", 20), ("funeral", 3)], (0, 0), None),
    ("clerk", [("training", 7)], (7, 1), "days"),
    ("clerk", [("training", 8)], (0, 0), None),
]


@req("LEAVE-26", "LEAVE-27")
@pytest.mark.parametrize(("role", "month", "counted", "exceeded"), CAPS)
def test_the_cap_counts_days_and_times(
    role: str, month: list[tuple[str, float]], counted: tuple[float, int], exceeded: str | None
) -> None:
    base = judged("county_xx", papers=frozenset({"slip", "unit_document"}))
    taken = [Judged(base.request, days, kind, base.level, base.clause, None, ()) for kind, days in month]  # type: ignore[arg-type]
    state = cap_state(profile("county_xx"), role, taken)
    assert state is not None
    assert (state.days, state.times, state.exceeded) == (*counted, exceeded)
    assert "LEAVE-26" in state.clause.source


@req("LEAVE-27")
def test_training_without_the_units_document_counts() -> None:
    base = judged("county_xx")
    state = cap_state(
        profile("county_xx"), "clerk", [Judged(base.request, 8, "training", base.level, base.clause, None, ())]
    )
    assert state is not None
    assert state.exceeded == "days"
    assert cap_state(profile("yimen"), "clerk", []) is None


# ---- outings


def outing(start: str, end: str, **more: object) -> Outing:
    return Outing("outing-1", "li", span(start, end), **more)  # type: ignore[arg-type]


TOLD = {"told_at": at("08:00")}
REGISTERED = {**TOLD, "registered_at": at("08:00"), "place": "档案馆", "reason": "调档"}
OUTINGS = [
    pytest.param("yimen", outing("09:00", "09:30", **TOLD), True, marks=req("LEAVE-01")),
    pytest.param("yimen", outing("09:00", "09:31", **TOLD), False, marks=req("LEAVE-01")),
    pytest.param("yimen", outing("09:00", "09:30", told_at=at("09:05")), False, marks=req("LEAVE-01")),
    pytest.param("yimen", outing("09:00", "11:00", **REGISTERED), True, marks=req("LEAVE-02", "LEAVE-03")),
    pytest.param("yimen", outing("09:00", "11:01", **REGISTERED), False, marks=req("LEAVE-02")),
    pytest.param("yimen", outing("09:00", "10:00", **{**REGISTERED, "place": ""}), False, marks=req("LEAVE-03")),
    pytest.param("nanshan_jinan", outing("09:00", "09:20", **REGISTERED), False, marks=req("LEAVE-09")),
    pytest.param(
        "nanshan_jinan", outing("09:00", "09:20", **REGISTERED, approved_at=at("08:30")), True, marks=req("LEAVE-09")
    ),
    pytest.param("yimen", outing("09:00", "09:20", **TOLD, recalled=True), False, marks=req("LEAVE-07", "LEAVE-08")),
    pytest.param(
        "yimen", outing("09:00", "12:00", **TOLD, recalled=True, reported_by="unit"), True, marks=req("LEAVE-07")
    ),
    pytest.param("county_xx", outing("09:00", "12:00", **TOLD, recalled=True), False, marks=req("LEAVE-33")),
    pytest.param("guandu", outing("09:00", "09:20", **REGISTERED), False, id="default-is-leave"),
]


@pytest.mark.parametrize(("hall", "out", "stands"), OUTINGS)
def test_a_short_way_out_stands_when_what_it_needs_was_done_before(hall: str, out: Outing, stands: bool) -> None:
    done = outing_effect(profile(hall), out)
    assert (len(done.covers), len(done.denied)) == ((1, 0) if stands else (0, 1))


@req("LEAVE-01")
@pytest.mark.parametrize(
    ("until", "punched", "expected"),
    [("09:00", "08:55", []), ("09:00", "09:00", []), ("09:00", "09:04", ["late 4"]), ("09:01", "08:55", ["late 25"])],
)
def test_coming_up_to_thirty_minutes_late_is_not_late_when_told(until: str, punched: str, expected: list[str]) -> None:
    done = outing_effect(profile("yimen"), outing("08:30", until, told_at=at("08:10")))
    assert told(result("yimen", f"{punched} 14:20", covers=done.covers, denied=done.denied)) == expected


@req("LEAVE-08")
def test_going_back_to_the_unit_without_its_report_is_leaving_the_post() -> None:
    gone = outing("09:00", "11:00", **REGISTERED, recalled=True)
    done = outing_effect(profile("yimen"), gone)
    away = (OffPost(gone.span, "patrol"),)
    assert told(result("yimen", "07:55 14:20", covers=done.covers, off_post=away)) == ["off_post 120"]
    assert told(result("yimen", "07:55 14:20", covers=(leave("09:00", "11:00"),), off_post=away)) == []
