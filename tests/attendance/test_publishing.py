"""What hurts a person is published with its evidence, may be objected to, and is then locked for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.attendance import publishing
from edge.attendance.months import month_result
from edge.refusal import Refused
from tests.attendance.office import Office

MONDAY, FRIDAY_EVENING = "2026-03-09 09:00", "2026-03-06 19:00"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The first week of March in 易门: two arrivals a day, objections within two calendar days."""
    office = Office(tmp_path, "yimen")
    for day in range(2, 7):
        for who in ("li", "wang", "zhao"):
            office.punch(who, f"2026-03-0{day} 07:55", f"2026-03-0{day} 14:20")
    office.at(MONDAY)
    return office


def object_(office: Office, publication: str, who: str = "li", words: str = "当天公交停运") -> str:
    command = publishing.Object(office.rules, publication, who, words, "ops")
    return office.books.do(publishing.object_, command)


def answer(office: Office, objection: str, upheld: bool = True) -> None:
    office.books.do(publishing.answer, publishing.AnswerObjection(objection, "已核实", upheld, "ops/zhang"))


def correct(office: Office, publication: str, who: str = "li", why: str = "公交停运") -> int:
    return office.books.do(publishing.correct, publishing.Correct(office.rules, publication, who, "ops/zhang", why))


def lock(office: Office) -> int:
    return office.books.do(publishing.lock, office.rules)


def locked(office: Office, publication: str) -> bool:
    with office.books.database.read() as connection:
        return publishing.publication(connection, publication).locked_at is not None


def test_a_period_is_published_once_it_is_over_and_once(office: Office) -> None:
    office.at(FRIDAY_EVENING)
    with pytest.raises(Refused, match="not_over"):
        office.publish()
    office.at(MONDAY)
    publication = office.publish()
    with pytest.raises(Refused, match="published"):
        office.publish(on="2026-03-05")
    assert [each.data["staff"] for each in office.books.events("attendance.result")] == ["li", "wang", "zhao"]
    (event,) = office.books.events("attendance.published")
    assert event.data["publication"] == publication


@pytest.mark.req("ATT-18", "ATT-23")
def test_what_hurts_is_a_proposal_with_its_punches_rule_and_clause(office: Office) -> None:
    office.enter("manual_punch", "li", "2026-03-01 08:00", "2026-03-01 08:00", direction="in")  # a Sunday
    publication = office.publish(on="2026-02-23")
    with office.books.database.read() as connection:
        found = publishing.publication(connection, publication)
        li = publishing.snapshots(connection, publication)["li"]
    made = month_result(found.profile, "li", li.days)
    assert (
        made.absent_days == 5
    )  # Tuesday 24 to Saturday 28 February: the 23rd was still a holiday, the 28th made up for it
    (on, finding) = made.proposals[0].cases[0]
    assert (str(on), finding.kind, finding.evidence.note) == ("2026-02-24", "absent", "no_formality")
    assert "易门县 行业规范" in finding.evidence.clause.source


@pytest.mark.req("ATT-24")
def test_within_two_days_a_person_may_object_and_afterwards_silence_is_assent(office: Office) -> None:
    publication = office.publish()
    office.at("2026-03-11 23:59")
    assert lock(office) == 0
    office.at("2026-03-12 00:00")
    with pytest.raises(Refused, match="too_late"):
        object_(office, publication)
    assert lock(office) == 1
    assert lock(office) == 0
    assert locked(office, publication)
    assert len(office.books.events("attendance.locked")) == 1


@pytest.mark.req("ATT-24")
def test_nothing_is_locked_while_an_objection_waits(office: Office) -> None:
    publication = office.publish()
    objection = object_(office, publication)
    office.at("2026-03-20 09:00")
    assert lock(office) == 0
    answer(office, objection, upheld=False)
    assert lock(office) == 1
    with pytest.raises(Refused, match="answered"):
        answer(office, objection)


def test_a_correction_is_a_new_version_with_who_and_why_also_after_the_lock(office: Office) -> None:
    publication = office.publish()
    with pytest.raises(Refused, match="nothing_to_correct"):
        correct(office, publication)
    office.at("2026-03-12 00:00")
    lock(office)
    office.enter("off_post", "li", "2026-03-03 10:00", "2026-03-03 11:00")
    assert office.versions(publication, "li") == [(1, "ops", "")]
    assert correct(office, publication, why="巡查记录补登") == 2
    assert office.versions(publication, "li") == [(1, "ops", ""), (2, "ops/zhang", "巡查记录补登")]
    assert office.versions(publication, "wang") == [(1, "ops", "")]
    assert locked(office, publication)


def test_what_is_entered_later_does_not_change_what_was_published(office: Office) -> None:
    publication = office.publish()
    office.enter("off_post", "li", "2026-03-03 10:00", "2026-03-03 11:00")
    with office.books.database.read() as connection:
        li = publishing.snapshots(connection, publication)["li"]
    assert not [each for day in li.days for each in day.of("off_post")]


def test_objections_to_what_is_not_there(office: Office) -> None:
    publication = office.publish()
    with pytest.raises(Refused, match="no_such_result"):
        object_(office, publication, "nobody")
    with pytest.raises(Refused, match="no_such_publication"):
        object_(office, "id-0")
    with pytest.raises(Refused, match="no_such_objection"):
        answer(office, "id-0")
    with pytest.raises(Refused, match="no_such_result"):
        correct(office, publication, "nobody")


def test_an_unknown_year_locks_nothing(tmp_path: Path) -> None:
    """福州 publishes in working days; those of 2027 are not known."""
    office = Office(tmp_path, "fuzhou_ss")
    office.at("2026-12-31 20:00")
    office.punch("li", "2026-12-21 08:55")
    publication = office.publish(on="2026-12-21")
    office.at("2027-06-01 09:00")
    assert lock(office) == 0
    assert not locked(office, publication)
    assert object_(office, publication)
