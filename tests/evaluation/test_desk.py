"""Evaluation as a state machine: a rating belongs to one finished service, and is never made up."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.evaluation import desk as evaluation
from edge.evaluation import views
from edge.evaluation.routes import Rating
from edge.queue import desk, issuing
from edge.refusal import Refused
from tests.books import Books

LIFETIME_S, GRACE_S = 60, 10
FIVE = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
WINDOWS = st.sampled_from([1, 3])
LEVELS = st.integers(1, 5)


@dataclass
class Invited:
    """What the model believes of one evaluation."""

    ticket: str
    window: int
    until: float
    state: str = "invited"
    level: int | None = None
    calls: int = 0


class Visits(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = Books(self.folder)
        self.invited: dict[str, Invited] = {}
        self.serving: dict[int, str] = {}
        self.strays = 0

    def open_at(self, window: int) -> str | None:
        """The invitation that a press at this window is meant for."""
        still = [id_ for id_, one in self.invited.items() if one.window == window and one.state == "invited"]
        assert len(still) < 2
        return still[0] if still and self.invited[still[0]].until > self.books.wall.at else None

    @rule(window=WINDOWS)
    def call_and_start(self, window: int) -> None:
        if window in self.serving:
            return
        ticket = self.books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
        self.books.do(desk.call_next, desk.CallNext(window, ""))
        before = self.open_at(window)
        assert self.shown(window) == before, "a call closes no invitation"
        self.books.do(evaluation.make_move, desk.Move("start", ticket, window, ""))
        self.serving[window] = ticket
        for one in self.invited.values():
            one.calls += one.window == window and one.state == "invited"
        if before is not None:
            self.invited[before].until = min(self.invited[before].until, self.books.wall.at + GRACE_S)

    @rule(window=WINDOWS)
    def finish(self, window: int) -> None:
        if window not in self.serving:
            return
        ticket = self.serving.pop(window)
        self.books.do(evaluation.make_move, desk.Move("finish", ticket, window, ""))
        for id_, one in self.invited.items():
            if one.window == window and one.state == "invited":
                self.ended(id_, "timed_out")
        id_ = self.books.events("evaluation.invited")[-1].data["evaluation"]
        self.invited[id_] = Invited(ticket, window, self.books.wall.at + LIFETIME_S)

    def ended(self, id_: str, state: str) -> None:
        self.invited[id_].state = state

    @rule(window=WINDOWS)
    def call_and_miss(self, window: int) -> None:
        """Calls made while an invitation is open are counted, and close nothing."""
        if window in self.serving:
            return
        ticket = self.books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
        self.books.do(desk.call_next, desk.CallNext(window, ""))
        self.books.do(evaluation.make_move, desk.Move("miss", ticket, window, ""))
        for one in self.invited.values():
            one.calls += one.window == window and one.state == "invited"

    @rule(window=WINDOWS)
    def hold_and_resume(self, window: int) -> None:
        if window not in self.serving:
            return
        before = self.open_at(window)
        self.books.do(evaluation.make_move, desk.Move("hold", self.serving[window], window, ""))
        self.books.do(evaluation.resume, desk.Resume(window, None, ""))
        if before is not None:
            self.invited[before].until = min(self.invited[before].until, self.books.wall.at + GRACE_S)

    @rule(data=st.data())
    def decline(self, data: st.DataObject) -> None:
        if not self.invited:
            return
        id_ = data.draw(st.sampled_from(sorted(self.invited)))
        one = self.invited[id_]
        if one.state == "invited" and one.until > self.books.wall.at:
            assert self.books.do(evaluation.decline, evaluation.Decline(id_, "pad")) == id_
            self.ended(id_, "cancelled")
            return
        with pytest.raises(Refused, match="evaluation_closed"):
            self.books.do(evaluation.decline, evaluation.Decline(id_, "pad"))

    @rule(window=WINDOWS, level=LEVELS)
    def press(self, window: int, level: int) -> None:
        meant = self.open_at(window)
        command = evaluation.Rate(level=level, channel="evaluator", actor="device", window=window)
        assert self.books.do(evaluation.press, command) == meant
        if meant is None:
            self.strays += 1
        else:
            self.invited[meant].state, self.invited[meant].level = "rated", level

    @rule(data=st.data(), level=LEVELS)
    def rate_on_pad(self, data: st.DataObject, level: int) -> None:
        if not self.invited:
            return
        id_ = data.draw(st.sampled_from(sorted(self.invited)))
        one, before = self.invited[id_], len(self.books.events())
        command = evaluation.Rate(level=level, channel="pad", actor="pad", evaluation=id_)
        if one.state == "invited" and one.until > self.books.wall.at:
            assert self.books.do(evaluation.rate, command) == id_
            one.state, one.level = "rated", level
            return
        with pytest.raises(Refused, match="evaluation_closed"):
            self.books.do(evaluation.rate, command)
        assert len(self.books.events()) == before

    @rule(seconds=st.sampled_from([1, 9, 10, 30, 59, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        self.books.wall.at += seconds

    @rule(faulty=st.frozensets(WINDOWS))
    def sweep(self, faulty: frozenset[int]) -> None:
        over = [one for one in self.invited.values() if one.state == "invited" and one.until <= self.books.wall.at]
        for one in over:
            one.state = "device_fault" if one.window in faulty else "timed_out"
        assert self.books.do(evaluation.expire, faulty) == len(over)

    def shown(self, window: int) -> str | None:
        with self.books.database.read() as connection:
            found = views.open_at(connection, self.books.hall, window, self.books.clock.now().at)
        return found["id"] if found else None

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        rows = self.books.rows("SELECT id, ticket, window, state, level, calls FROM evaluation ORDER BY id")
        assert [tuple(row) for row in rows] == [
            (id_, one.ticket, one.window, one.state, one.level, one.calls) for id_, one in sorted(self.invited.items())
        ]
        assert self.books.rows("SELECT coalesce(sum(presses), 0) FROM evaluation_stray") == [(self.strays,)]

    @invariant()
    def the_pad_shows_what_a_press_would_mean(self) -> None:
        assert [self.shown(window) for window in (1, 3)] == [self.open_at(window) for window in (1, 3)]

    @invariant()
    def a_service_has_one_rating_and_silence_has_none(self) -> None:
        rated = [event.data["ticket"] for event in self.books.events("evaluation.rated")]
        assert len(rated) == len(set(rated))
        assert not [row for row in self.books.rows("SELECT level FROM evaluation WHERE state<>'rated'") if row[0]]
        assert all("level" not in event.data for event in self.books.events("evaluation.timed_out"))

    def teardown(self) -> None:
        if hasattr(self, "books"):
            self.books.database.close()
            shutil.rmtree(self.folder)


TestVisits = pytest.mark.req("EVAL-02", "EVAL-03")(Visits.TestCase)
TestVisits.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


@pytest.mark.req("EVAL-01")
def test_there_are_five_levels_on_the_pad_and_no_other_is_taken() -> None:
    assert evaluation.LEVELS == FIVE
    assert [Rating(level=level).level for level in FIVE] == list(FIVE)
    for wrong in (0, 6, -1, 2.5, None):
        with pytest.raises(ValueError):
            Rating(level=wrong)  # type: ignore[arg-type]


def test_an_unknown_evaluation_is_refused_as_unknown(tmp_path: Path) -> None:
    command = evaluation.Rate(level=5, channel="pad", actor="pad", evaluation="nothing")
    with pytest.raises(Refused) as refused:
        Books(tmp_path).do(evaluation.rate, command)
    assert refused.value.status == 404


@pytest.mark.req("SEC-04")
def test_what_a_visitor_writes_stays_out_of_the_journal(tmp_path: Path) -> None:
    books = Books(tmp_path)
    ticket = books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    books.do(desk.call_next, desk.CallNext(3, ""))
    books.do(evaluation.make_move, desk.Move("finish", ticket, 3, ""))
    id_ = books.events("evaluation.invited")[-1].data["evaluation"]
    words = "我叫王小明，电话13800138000"
    books.do(evaluation.rate, evaluation.Rate(level=2, channel="pad", actor="pad", evaluation=id_, comment=words))
    assert books.rows("SELECT comment FROM evaluation") == [("我叫王小明，电话138****8000",)]
    assert "王小明" not in str(books.rows("SELECT * FROM journal"))
