"""What holds on the stored level, whatever comes and in whatever order: of days, of replays, and of what is locked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.attendance import desk, publishing, record
from edge.attendance.entries import ENTRY, Entry
from edge.calendar import Override
from edge.refusal import Refused
from tests.attendance.days import ZONE
from tests.attendance.office import Office

PEOPLE = ("li", "wang", "zhao")
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
few = partial(settings, max_examples=25, deadline=None)
Step = Callable[[Office], Any]

# ---- what may come

WHO = st.sampled_from(PEOPLE)
MOMENTS = st.builds(
    lambda on, minute: datetime(2026, 3, on, 7, tzinfo=ZONE) + timedelta(minutes=minute),
    st.sampled_from([2, 3]),
    st.integers(0, 13 * 60),
)


def punch(person: str, at: datetime, direction: str, device: str) -> Step:
    clock = at.replace(tzinfo=None)
    command = desk.Punch(device, person, clock, direction, clock.isoformat(), direction, "card", live=False)
    return lambda office: office.books.do(desk.punch, command)


PUNCHES = st.builds(punch, WHO, MOMENTS, st.sampled_from(["in", "out", "unknown"]), st.sampled_from(["g-1", "g-2"]))


def more(kind: str, told: dict[str, Any], start: datetime, other: str) -> dict[str, Any]:
    """What an entry of this kind needs beside its span; half of them are in order."""
    before = start - timedelta(hours=1)
    stand_in = {"person": other, "filed_at": before, "on_post_at": start}
    done = {"leave": told["leave"], "asked_at": before, "papers": ["slip"], "substitute": stand_in}
    return {
        "leave": {**done, "approvals": [{"by": "hall", "at": before}] if told["good"] else []},
        "outing": {"told_at": before, "recalled": told["good"], "reported_by": "unit"},
        "duty": {"duty": "overtime"},
        "roll_call": {"present": told["good"]},
        "off_post": {},
        "manual_punch": {"direction": "in" if told["good"] else "out"},
        "excuse": {"finding": told["finding"], "reason": "核实"},
    }[kind]


def entry(nth: int, kind: str, told: dict[str, Any], person: str, other: str, one: datetime, two: datetime) -> Entry:
    start, end = min(one, two), max(one, two)
    end = start if kind in ("roll_call", "manual_punch") else end
    shape = {"kind": kind, "ref": f"r{nth}", "person": person, "start": start, "end": end}
    return ENTRY.validate_python(shape | more(kind, told, start, other))


TOLD = st.fixed_dictionaries(
    {
        "good": st.booleans(),
        "leave": st.sampled_from(["personal", "sick", "annual"]),
        "finding": st.sampled_from(["late", "early", "one_sided", "off_post", "absent"]),
    }
)
KINDS = ("leave", "outing", "duty", "roll_call", "off_post", "manual_punch", "excuse")
ENTRIES = st.lists(st.tuples(st.sampled_from(KINDS), TOLD, WHO, WHO, MOMENTS, MOMENTS), max_size=6).map(
    lambda drawn: [entry(nth, *each) for nth, each in enumerate(drawn)]
)


def enters(each: Entry) -> Step:
    return lambda office: office.books.do(record.enter, record.Enter((each,), "ops", "ops", "更正"))


COMING = st.builds(lambda punches, entries: [*punches, *map(enters, entries)], st.lists(PUNCHES, max_size=14), ENTRIES)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office"))


def days(office: Office, *steps: Step) -> list[Any]:
    """What both days come to for everybody when these have come in turn, and nothing else."""
    with office.books.database.writing.begin() as connection:
        for table in ("punch", "attendance_entry"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    for step in steps:
        step(office)
    return results(office)


def results(office: Office) -> list[Any]:
    return [office.day(person, str(on)) for person in PEOPLE for on in (MONDAY, TUESDAY)]


@few()
@given(COMING, st.randoms(use_true_random=False))
def test_the_order_in_which_punches_and_entries_come_changes_no_day(
    office: Office, steps: list[Step], random: Random
) -> None:
    first = days(office, *steps)
    random.shuffle(steps)
    assert days(office, *steps) == first


@few()
@given(COMING, st.randoms(use_true_random=False))
def test_what_comes_again_changes_nothing(office: Office, steps: list[Step], random: Random) -> None:
    def stored() -> list[Any]:
        tables = ("SELECT * FROM punch ORDER BY id", "SELECT * FROM attendance_entry ORDER BY seq")
        return [office.books.rows(sql) for sql in tables]

    first = days(office, *steps)
    before, events = stored(), len(office.books.events())
    for step in random.choices(steps, k=2 * len(steps)) if steps else []:
        assert not step(office)
    assert (stored(), results(office)) == (before, first)
    assert len(office.books.events()) == events


# ---- what is locked stays


def commands(publication: str) -> dict[str, Step]:
    """Every use case that could touch a publication or what it was made of."""

    def do(use_case: Callable[..., Any], command: Callable[[Office], Any]) -> Step:
        return lambda office: office.books.do(use_case, command(office))

    def slip(kind: str, clock: str, **told: Any) -> Step:
        start, end = f"2026-03-02 {clock}", f"2026-03-02 {clock}"
        return lambda office: office.enter(kind, "li", start, end, f"{kind}-{clock}", "更正", **told)

    def answer(office: Office) -> publishing.AnswerObjection:
        rows = office.books.rows("SELECT id FROM objection ORDER BY answered_at IS NOT NULL, id LIMIT 1")
        return publishing.AnswerObjection(rows[0][0] if rows else "none", "属实", upheld=True, by="ops")

    closed = Override(day=MONDAY, kind="closed")
    return {
        "correct": do(publishing.correct, lambda o: publishing.Correct(o.rules, publication, "li", "ops", "补登")),
        "correct_other": do(publishing.correct, lambda o: publishing.Correct(o.rules, publication, "wang", "ops", "x")),
        "lock": do(publishing.lock, lambda o: o.rules),
        "publish": do(publishing.publish, lambda o: publishing.Publish(o.rules, "weekly", MONDAY, "ops")),
        "publish_month": do(publishing.publish, lambda o: publishing.Publish(o.rules, "monthly", MONDAY, "ops")),
        "object": do(publishing.object_, lambda o: publishing.Object(o.rules, publication, "li", "异议", "li")),
        "answer": do(publishing.answer, answer),
        "excuse": slip("excuse", "09:00", finding="absent", reason="核实"),
        "vouch": slip("manual_punch", "08:20", direction="in"),
        "vouch_out": slip("manual_punch", "12:05", direction="out"),
        "withdraw": do(record.withdraw, lambda _: record.Withdraw("manual_punch-08:20", "ops", "ops", "登记有误")),
        "punch": lambda office: office.punch("li", "2026-03-02 14:20", "2026-03-02 18:10"),
        "close_the_day": do(record.set_days, lambda _: record.SetDays((closed,), "ops")),
        "later": lambda office: office.at("2026-05-04 10:00"),
    }


NAMES = sorted(commands(""))


def kept(office: Office) -> tuple[list[Any], list[Any]]:
    publications = office.books.rows("SELECT * FROM publication WHERE every='weekly'")
    return publications, office.books.rows(
        "SELECT r.* FROM attendance_result r JOIN publication p ON p.id = r.publication WHERE p.every='weekly'"
        " ORDER BY r.person, r.version"
    )


def locked(folder: Path) -> tuple[Office, str]:
    office = Office(folder)
    office.at("2026-03-09 09:00")
    id_ = office.publish("weekly")
    office.at("2026-03-12 00:01")
    assert office.books.do(publishing.lock, office.rules) == 1
    return office, id_


@few()
@given(st.lists(st.sampled_from(NAMES), max_size=14))
def test_the_lock_is_final_and_only_a_correction_adds_a_version(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    office, id_ = locked(tmp_path_factory.mktemp("locked"))
    try:
        for name in names:
            publications, versions = kept(office)
            added = None
            with contextlib.suppress(Refused):
                added = commands(id_)[name](office)
            after = kept(office)
            assert after[0] == publications  # locked_at and the rules too
            assert [each for each in after[1] if each in versions] == versions
            new = [each for each in after[1] if each not in versions]
            if name.startswith("correct") and added is not None:
                who = "li" if name == "correct" else "wang"
                assert [each[:3] for each in new] == [(id_, who, added)]
                assert added == 1 + max(each[2] for each in versions if each[1] == who)
            else:
                assert new == []
    finally:
        office.books.database.close()


@pytest.mark.req("ATT-24")
def test_a_correction_after_the_lock_shows_beside_what_was_locked(tmp_path: Path) -> None:
    """The commands above do reach a correction: what is entered later, and a new version by who and why."""
    office, id_ = locked(tmp_path)
    assert [commands(id_)[name](office) for name in ("vouch", "vouch_out")] == [1, 1]
    assert commands(id_)["correct"](office) == 2
    assert [each[0] for each in office.versions(id_, "li")] == [1, 2]
    office.books.database.close()
