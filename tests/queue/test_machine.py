"""The queue as a state machine: random days of a hall against a model, every use case in a transaction of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.hallqueue import Hold
from edge.journal import broken_at
from edge.queue import arrivals, closing, desk, issuing
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import DAY_S

LEGAL = {
    ("waiting", "call"): "called",
    ("called", "recall"): "called",
    ("called", "start"): "serving",
    ("called", "finish"): "finished",
    ("serving", "finish"): "finished",
    ("called", "miss"): "missed",
    ("missed", "return"): "waiting",
    ("waiting", "cancel"): "cancelled",
    ("called", "cancel"): "cancelled",
    ("missed", "cancel"): "cancelled",
    ("held", "cancel"): "cancelled",
    ("called", "hold"): "held",
    ("serving", "hold"): "held",
    ("held", "resume"): "serving",
    ("called", "transfer"): "waiting",
    ("serving", "transfer"): "waiting",
}
RECALLS = RETURNS = 3
SKILLS = {
    1: ("pension", "medical", "household", "residence", "transfer", "mortgage"),
    2: ("transfer", "mortgage"),
    3: ("pension", "medical"),
}
HANDLING_MS = (8 + 6 + 12 + 7 + 20 + 15) / 6 * 60_000
PREFIX = {"pension": "A", "medical": "C", "household": "F", "residence": "H", "transfer": "K", "mortgage": "L"}
HOLDS: st.SearchStrategy[Hold] = st.sampled_from(["without_papers", "with_papers", "waiting"])
SERVICES, WINDOWS = st.sampled_from(list(PREFIX)), st.sampled_from([1, 2, 3])


@dataclass
class Person:
    """What the model believes of one ticket."""

    service: str
    day: str
    came: int
    state: str = "waiting"
    window: int | None = None
    recalls: int = 0
    returns: int = 0
    hold: str = ""


class Hall(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = Books(self.folder)
        self.people: dict[str, Person] = {}
        self.paused: set[int] = set()
        self.armed: dict[int, int] = {}

    # ---- what the model knows

    def in_hand(self, window: int) -> str | None:
        held = [id_ for id_, one in self.people.items() if one.window == window and one.state in ("called", "serving")]
        assert len(held) < 2
        return held[0] if held else None

    def waiting_for(self, window: int) -> list[str]:
        """In the order in which they came."""
        return [id_ for id_, one in self.people.items() if one.state == "waiting" and one.service in SKILLS[window]]

    def next_for(self, window: int) -> str | None:
        """Who came first over the services, where a service counts as the older the more wait for each open window."""
        lines: dict[str, list[str]] = {service: [] for service in SKILLS[window]}
        for ticket in self.waiting_for(window):
            lines[self.people[ticket].service].append(ticket)
        opened = [SKILLS[no] for no in SKILLS if no not in self.paused]

        def age(service: str) -> float:
            windows = sum(1 / len(skills) for skills in opened if service in skills)
            return self.people[lines[service][0]].came - 2 * HANDLING_MS * len(lines[service]) / windows

        first = min((service for service, line in lines.items() if line), key=age, default=None)
        return lines[first][0] if first else None

    def move(self, ticket: str, name: str, window: int | None) -> None:
        one = self.people[ticket]
        one.state = LEGAL[one.state, name]
        one.window = None if one.state == "waiting" else window
        one.recalls = 0 if name == "call" else one.recalls + (name == "recall")
        one.returns += name == "return"

    def served_if_armed(self, ticket: str) -> None:
        able = [no for no in self.armed if self.people[ticket].service in SKILLS[no]]
        if able:
            window = min(able, key=lambda no: (len(SKILLS[no]), self.armed[no], no))
            del self.armed[window]
            self.move(ticket, "call", window)

    def refused(self, use_case: Callable[..., Any], command: Any) -> None:
        before = self.books.rows("SELECT * FROM journal"), self.books.rows("SELECT * FROM ticket")
        with pytest.raises(Refused):
            self.books.do(use_case, command)
        assert before == (self.books.rows("SELECT * FROM journal"), self.books.rows("SELECT * FROM ticket"))

    # ---- what people do

    @rule(service=SERVICES, kiosk=st.sampled_from(["1", None]))
    def issue(self, service: str, kiosk: str | None) -> None:
        newest = self.books.rows("SELECT coalesce(max(at), 0) FROM journal")[0][0]
        ticket = self.books.do(issuing.issue, issuing.Issue(service, "kiosk", kiosk, "kiosk:1"))
        now = self.books.clock.now()
        self.people[ticket] = Person(service, now.day, max(newest, now.at))
        self.served_if_armed(ticket)
        assert len(self.books.rows("SELECT 1 FROM print_job WHERE ticket=?", ticket)) == (kiosk is not None)

    @rule(window=WINDOWS)
    def call_next(self, window: int) -> None:
        command = desk.CallNext(window, f"window:{window}")
        if window in self.paused or self.in_hand(window):
            self.refused(desk.call_next, command)
            return
        called, expected = self.books.do(desk.call_next, command), self.next_for(window)
        assert (called and called.ticket) == expected
        if called:
            self.armed.pop(window, None)
            self.move(called.ticket, "call", window)
        else:
            self.armed.setdefault(window, self.books.clock.now().at)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), window=WINDOWS)
    def call_chosen(self, data: st.DataObject, window: int) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.people)))
        one, command = self.people[ticket], desk.CallChosen(window, ticket, f"window:{window}")
        free = window not in self.paused and not self.in_hand(window)
        if not (free and one.service in SKILLS[window] and (one.state, "call") in LEGAL):
            self.refused(desk.call_chosen, command)
            return
        self.books.do(desk.call_chosen, command)
        self.armed.pop(window, None)
        self.move(ticket, "call", window)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), name=st.sampled_from(["recall", "start", "finish", "miss", "hold"]), window=WINDOWS)
    def at_window(self, data: st.DataObject, name: str, window: int) -> None:
        held = self.in_hand(window)
        named = data.draw(st.sampled_from([None, held, *sorted(self.people)]))
        kind: Hold = data.draw(HOLDS)
        ticket, command = named or held, desk.Move(name, named, window, f"window:{window}", kind)
        spent = name == "recall" and held is not None and self.people[held].recalls == RECALLS
        if held is None or ticket != held or (self.people[held].state, name) not in LEGAL or spent:
            self.refused(desk.make_move, command)
            return
        assert self.books.do(desk.make_move, command) == held
        self.people[held].hold = kind
        self.move(held, name, window)

    @precondition(lambda self: any(one.state == "held" for one in self.people.values()))
    @rule(data=st.data(), window=WINDOWS)
    def resume_held(self, data: st.DataObject, window: int) -> None:
        ticket = data.draw(st.sampled_from(sorted(id_ for id_, one in self.people.items() if one.state == "held")))
        one, command = self.people[ticket], desk.Resume(window, ticket, "")
        here = one.window == window or (one.hold == "without_papers" and one.service in SKILLS[window])
        if window in self.paused or self.in_hand(window) or not here:
            self.refused(desk.resume, command)
            return
        self.books.do(desk.resume, command)
        self.armed.pop(window, None)
        self.move(ticket, "resume", window)

    @rule(window=WINDOWS, service=SERVICES, wrong=st.booleans())
    def transfer(self, window: int, service: str, wrong: bool) -> None:
        """By the time of the number, whether somebody sent them on or they were at the wrong window."""
        held, command = self.in_hand(window), desk.Transfer(window, None, "", service=service, wrong_window=wrong)
        if held is None:
            self.refused(desk.transfer, command)
            return
        self.books.do(desk.transfer, command)
        self.people[held].service = service
        self.move(held, "transfer", None)
        self.served_if_armed(held)

    @rule(window=WINDOWS, service=SERVICES)
    def walk_in(self, window: int, service: str) -> None:
        command = arrivals.WalkIn(window, service, "")
        if window in self.paused or self.in_hand(window) or service not in SKILLS[window]:
            self.refused(arrivals.walk_in, command)
            return
        newest = self.books.rows("SELECT coalesce(max(at), 0) FROM journal")[0][0]
        ticket, now = self.books.do(arrivals.walk_in, command), self.books.clock.now()
        self.people[ticket] = Person(service, now.day, max(newest, now.at), "serving", window)
        self.armed.pop(window, None)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), name=st.sampled_from(["return", "cancel"]))
    def at_desk(self, data: st.DataObject, name: str) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.people)))
        command = desk.Move(name, ticket, None, "desk")
        one = self.people[ticket]
        late = name == "return" and (one.day != self.books.clock.now().day or one.returns == RETURNS)
        if late or (self.people[ticket].state, name) not in LEGAL:
            self.refused(desk.make_move, command)
            return
        self.books.do(desk.make_move, command)
        self.move(ticket, name, self.people[ticket].window)
        if name == "return":
            self.served_if_armed(ticket)

    @rule(window=WINDOWS, sign=st.sampled_from(["wait_a_moment", "suspended"]))
    def pause(self, window: int, sign: windows.Sign) -> None:
        self.books.do(windows.pause, windows.Pause(window, sign, f"window:{window}"))
        self.paused.add(window)
        self.armed.pop(window, None)

    @rule(window=WINDOWS)
    def resume(self, window: int) -> None:
        self.books.do(windows.resume, windows.Resume(window, f"window:{window}"))
        self.paused.discard(window)

    # ---- what time does

    @rule(seconds=st.floats(0, 7200))
    def time_passes(self, seconds: float) -> None:
        self.books.wall.at += seconds

    @rule(seconds=st.floats(1, 2 * DAY_S))
    def clock_steps_back(self, seconds: float) -> None:
        before = self.books.clock.now().day
        self.books.wall.at -= seconds
        assert self.books.clock.now().day == before

    @rule()
    def day_changes(self) -> None:
        self.books.wall.at += DAY_S
        today = self.books.clock.now().day
        over = ("waiting", "missed", "held")
        left = {id_ for id_, one in self.people.items() if one.state in over and one.day < today}
        # A case goes on over midnight; four hours later it was forgotten.
        stale = "SELECT id FROM ticket WHERE state IN ('called','serving') AND day < ? AND since < ?"
        forgotten = {row[0] for row in self.books.rows(stale, today, self.books.clock.now().at - 4 * 3_600_000)}
        assert self.books.do(closing.close_day, None) == len(left | forgotten)
        for id_ in left:
            self.move(id_, "cancel", None)
        for id_ in forgotten:
            one = self.people[id_]
            self.move(id_, "cancel" if one.state == "called" else "finish", one.window)

    # ---- what always holds

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        rows = self.books.rows("SELECT id, service, day, state, window FROM ticket ORDER BY position")
        assert [tuple(row) for row in rows] == [
            (id_, one.service, one.day, one.state, one.window) for id_, one in self.people.items()
        ]
        opened = {row[0] for row in self.books.rows("SELECT no FROM window WHERE state='open'")}
        armed = {row[0]: row[1] for row in self.books.rows("SELECT no, armed_at FROM window WHERE armed_at NOT NULL")}
        assert (opened, armed) == ({1, 2, 3} - self.paused, self.armed)

    @invariant()
    def numbers_run_without_a_gap(self) -> None:
        given: dict[tuple[str, str], list[str]] = {}
        for row in self.books.rows("SELECT day, prefix, number FROM ticket ORDER BY position"):
            given.setdefault((row.day, row.prefix), []).append(row.number)
        for (_, prefix), numbers in given.items():
            assert numbers == [f"{prefix}{n:03d}" for n in range(1, len(numbers) + 1)]

    @invariant()
    def the_length_of_each_line_is_known(self) -> None:
        lines = Counter(one.service for one in self.people.values() if one.state == "waiting")
        kept = {service: count for service, count in self.books.rows("SELECT service, waiting FROM line") if count}
        assert kept == lines

    @invariant()
    def no_window_has_two(self) -> None:
        held = [row[0] for row in self.books.rows("SELECT window FROM ticket WHERE state IN ('called','serving')")]
        assert len(held) == len(set(held))
        assert None not in held

    @invariant()
    def periods_cover_each_life_without_a_gap(self) -> None:
        edges = {row[0]: [row[1]] for row in self.books.rows("SELECT id, taken_at FROM ticket")}
        for id_, start, end in self.books.rows("SELECT ticket, start, end FROM ticket_period ORDER BY seq"):
            edges[id_] += [start, end]
        for id_, since in self.books.rows("SELECT id, since FROM ticket"):
            edges[id_].append(since)
            assert edges[id_][::2] == edges[id_][1::2]
            assert edges[id_] == sorted(edges[id_])

    @invariant()
    def nobody_waits_for_an_idle_window(self) -> None:
        assert not [no for no in self.armed if self.waiting_for(no)]

    @invariant()
    def the_journal_is_whole(self) -> None:
        seqs = [row[0] for row in self.books.rows("SELECT seq FROM journal ORDER BY seq")]
        assert seqs == list(range(1, len(seqs) + 1))
        with self.books.database.read() as connection:
            assert broken_at(connection) is None

    def teardown(self) -> None:
        """Nobody is stuck: every visit can be ended."""
        if not hasattr(self, "books"):
            return
        for id_, one in self.people.items():
            name, window = ("finish", one.window) if one.state == "serving" else ("cancel", None)
            if (one.state, name) in LEGAL:
                self.books.do(desk.make_move, desk.Move(name, id_, window, "desk"))
        assert not self.books.rows("SELECT 1 FROM ticket WHERE state NOT IN ('finished', 'cancelled')")
        self.books.database.close()
        shutil.rmtree(self.folder)


TestHall = pytest.mark.req("QUE-05", "QUE-16", "WIN-03")(Hall.TestCase)
TestHall.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
