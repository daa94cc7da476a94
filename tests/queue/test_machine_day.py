"""The queue over whole days as a state machine: hours, quotas, kiosks, classes, steps, midnight and restarts."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.clock import Clock, local
from edge.database import Database
from edge.hall import PriorityReason
from edge.hallqueue import Hold, Outcome
from edge.journal import Journal, open_epoch
from edge.queue import appointments, arrivals, balance, changing, closing, desk, finishing, handwritten, issuing
from edge.queue.tickets import GOES_ON, MOVES
from edge.refusal import Refused
from edge.schema import TABLES
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import demo_hall, without_devices

QUOTA, HOUR_S, MINUTE_MS = 3, 3_600, 60_000
STEPS = ("household", "residence")
SERVICES = ("pension", "medical", "transfer")
PREFIX = {"pension": "A", "medical": "C", "transfer": "K", "household": "F", "residence": "H"}
SKILLS = {1: ("pension", "medical", *STEPS, "transfer", "mortgage"), 2: ("residence", "medical"), 3: ("pension",)}
HOURS = """hours = [{ from = "08:30", to = "12:00" }, { from = "14:30", to = "18:00" }]
take_from = 15
cut_off = 30
"""
ENDED = "state IN ('finished', 'cancelled')"
OF = {"return": "state='missed'", "cancel": f"NOT {ENDED}", "rebook": f"NOT {ENDED}"}
CALLABLE = "state='waiting' AND (for_window=? OR for_window IS NULL AND service IN ({}))"

SERVICE, WINDOW = st.sampled_from(SERVICES), st.sampled_from([1, 2, 3])
KIOSK: st.SearchStrategy[str | None] = st.sampled_from(["1", "2", None])
REASON: st.SearchStrategy[PriorityReason | None] = st.sampled_from(
    [None, None, None, "senior", "military", "appointment"]
)

CALLS = ["call"] * 4 + ["finish"] * 3
ACT = st.sampled_from([*CALLS, "start", "recall", "miss", "hold", "go back", "send on", "walk in", "pause"])
ASKED = st.sampled_from(["return", "return", "cancel", "rebook", "urge", "change", "change"])
HOLD: st.SearchStrategy[Hold] = st.sampled_from(["without_papers", "with_papers", "waiting"])
OUTCOME: st.SearchStrategy[Outcome] = st.sampled_from(["instant", "instant", "committed", "advice", "rejected"])


def of_a_day(text: str) -> str:
    """Hours, a quota, a visit of two steps, a second kiosk, and windows that share what they serve."""
    text = text.replace('hours = "always"', HOURS.rstrip()).replace("# daily_quota = 200", f"daily_quota = {QUOTA}")
    text = text.replace('steps = ["intake", "pay", "issue"]', 'steps = ["household", "residence"]')
    text = text.replace("# steps =", "steps =").replace('["transfer", "mortgage"]', '["residence", "medical"]')
    text = text.replace('skills = ["pension", "medical"] ', 'skills = ["pension"] ')
    return without_devices(text) + '\n[[kiosk]]\nid = "2"\nname = "2号取号机"\nzone = "guide"\n'


class DayBooks(Books):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hall = demo_hall(folder, of_a_day)

    def open_anew(self) -> None:
        """As the service does after a stop."""
        path = self.database.path
        self.database.close()
        self.database = Database(path, TABLES)
        self.epoch = open_epoch(self.database, self.ids())
        self.journal = Journal(self.database, self.hall.hall.code, self.epoch)
        self.clock = Clock(self.hall.zone_info, self.wall)
        self.clock.seen(*self.journal.newest())
        self.do(windows.know_windows, None)
        assert self.do(desk.settle_changes, None) == 0


@dataclass
class Person:
    number: str
    day: str
    came: tuple[int, int]
    """By when they count as having come, and among those the order."""
    reason: PriorityReason | None = None
    urged: bool = False


class Days(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = DayBooks(self.folder)
        self.people: dict[str, Person] = {}
        self.counted: Counter[tuple[str, str]] = Counter()
        self.codes = 0

    # ---- what is known

    def tried(self, use_case: Callable[..., Any], command: Any) -> Any:
        """What it gives, or the refusal; then nothing is written."""
        before = self.written()
        try:
            return self.books.do(use_case, command)
        except Refused as refusal:
            assert before == self.written()
            return refusal

    def written(self) -> list[list[Any]]:
        return [self.books.rows(each) for each in ("SELECT max(seq) FROM journal", "SELECT * FROM series")]

    def everything(self) -> dict[str, list[Any]]:
        names = ("journal", "ticket", "ticket_period", "series", "window", "print_job", "notice", "appointment")
        return {name: self.books.rows(f"SELECT * FROM {name}") for name in names}

    def gives(self, *, booked: bool = False) -> bool:
        """Whether numbers are given now; a clock that went back cannot tell."""
        now = self.books.clock.now()
        at = local(now.at, self.books.hall.zone_info)
        minute = at.hour * 60 + at.minute
        hours = (8 * 60 + 15, 12 * 60), (14 * 60 + 15, 18 * 60 if booked else 17 * 60 + 30)
        return not now.ok or (at.weekday() < 5 and any(start <= minute < end for start, end in hours))

    def arrives(self) -> int:
        newest: int = self.books.rows("SELECT coalesce(max(at), 0) FROM journal")[0][0]
        return max(newest, self.books.clock.now().at)

    def callable_by(self, window: int) -> dict[str, str]:
        """Who waits and may be called there: ticket -> line."""
        skills = SKILLS[window]
        where = CALLABLE.format(",".join("?" * len(skills)))
        return dict(map(tuple, self.books.rows(f"SELECT id, service FROM ticket WHERE {where}", window, *skills)))

    def some(self, data: st.DataObject, where: str) -> str | None:
        found = [row[0] for row in self.books.rows(f"SELECT id FROM ticket WHERE {where} ORDER BY id")]
        return data.draw(st.sampled_from(found)) if found else None

    def know(self, ticket: str, came: int, nth: int, reason: PriorityReason | None = None) -> None:
        number, day = self.books.rows("SELECT number, day FROM ticket WHERE id=?", ticket)[0]
        self.people[ticket] = Person(number, day, (came, nth), reason)

    # ---- numbers

    @rule(coming=st.lists(st.tuples(SERVICE, KIOSK, REASON), min_size=1, max_size=5), minutes=st.sampled_from([0, 1]))
    def people_come(self, coming: list[tuple[str, str | None, PriorityReason | None]], minutes: int) -> None:
        for each in coming:
            self.take(*each)
            self.books.wall.at += minutes * 60

    def take(self, service: str, kiosk: str | None, reason: PriorityReason | None) -> None:
        booked = reason == "appointment"
        claims = (balance.Claim(reason, "appointment" if booked else "declared"),) if reason else ()
        came, count = self.arrives(), (self.books.clock.now().day, service)
        answer = self.tried(issuing.issue, issuing.Issue(service, "kiosk", kiosk, "kiosk", claims))
        if not self.gives(booked=booked):
            assert isinstance(answer, Refused)
            assert answer.code == "not_now"
        elif service == "pension" and self.counted[count] >= QUOTA and not booked:
            assert isinstance(answer, Refused)
            assert answer.code == "quota_full"
        else:
            self.counted[count] += 1
            self.know(answer, came, len(self.people), reason)

    @rule(digits=st.integers(1, 40), service=SERVICE, minutes=st.integers(0, 90))
    def enter_by_hand(self, digits: int, service: str, minutes: int) -> None:
        now = self.books.clock.now()
        taken = (now.at // MINUTE_MS - minutes) * MINUTE_MS
        command = handwritten.Enter((handwritten.Hand(f"{digits:03}", service, taken),), "desk")
        if self.tried(handwritten.enter, command) == 1:
            self.counted[now.day, service] += 1
            id_ = self.books.rows("SELECT id FROM ticket WHERE number=? AND day=?", f"S{digits:03}", now.day)[0][0]
            self.know(id_, taken + digits, -1)
        else:
            today = local(taken, self.books.hall.zone_info).date().isoformat()
            known = any(each.number == f"S{digits:03}" and each.day == now.day for each in self.people.values())
            assert known or today != now.day

    def walk_in(self, window: int, service: str) -> None:
        answer = self.tried(arrivals.walk_in, arrivals.WalkIn(window, service, ""))
        if not isinstance(answer, Refused):
            self.know(answer, self.arrives(), len(self.people))

    # ---- at the windows

    @rule(acts=st.lists(st.tuples(WINDOW, ACT), min_size=1, max_size=8), data=st.data())
    def clerks_work(self, acts: list[tuple[int, str]], data: st.DataObject) -> None:
        for window, act in acts:
            held = self.books.rows("SELECT id FROM ticket WHERE window=? AND state IN ('called', 'serving')", window)
            if act == "call":
                self.call_next(window)
            elif act == "finish" and held:
                self.finish(window, held[0][0], data.draw(OUTCOME))
            elif act == "send on":
                self.send_on(window, data.draw(SERVICE), *data.draw(st.tuples(st.booleans(), st.sampled_from([0, 20]))))
            elif act == "walk in":
                self.walk_in(window, data.draw(SERVICE))
            elif act == "go back":
                self.tried(desk.resume, desk.Resume(window, self.some(data, "state='held'"), ""))
            elif act == "pause":
                self.books.do(windows.pause_or_resume, windows.Resume(window, ""))
            else:
                self.tried(desk.make_move, desk.Move(act, None, window, "", data.draw(HOLD)))

    def call_next(self, window: int) -> None:
        """The first of its class in its line; nobody is told "none" while somebody waits."""
        waits = self.callable_by(window)
        answer = self.tried(desk.call_next, desk.CallNext(window, ""))
        if answer is None:
            assert not waits
        elif not isinstance(answer, Refused):
            called = self.people[answer.ticket]
            same = [self.people[id_] for id_, line in waits.items() if line == waits[answer.ticket]]
            peers = [each for each in same if each.reason == called.reason and not each.urged]
            assert called.urged or called.came == min(each.came for each in peers)

    def finish(self, window: int, ticket: str, outcome: Outcome) -> None:
        """A visit of steps goes on to the next on the same number, after an outcome with which it goes on."""
        visit, step = self.books.rows("SELECT visit, step FROM ticket WHERE id=?", ticket)[0]
        self.codes += 1
        notice = finishing.Notice(f"N{self.codes}", (), "notice", {}, None) if outcome == "rejected" else None
        done = self.books.do(finishing.finish, finishing.Finish(window, ticket, "", outcome, notice))
        onward = visit is not None and step + 1 < len(STEPS) and outcome in GOES_ON
        assert done.ended == (not onward)
        state, service = self.books.rows("SELECT state, service FROM ticket WHERE id=?", ticket)[0]
        assert (state == "finished") == done.ended
        assert not onward or service == STEPS[step + 1]

    def send_on(self, window: int, service: str, wrong: bool, minutes: int) -> None:
        command = desk.Transfer(window, None, "", service=service, delay_minutes=minutes, wrong_window=wrong)
        self.tried(desk.transfer, command)

    # ---- at the desk

    @rule(asked=st.lists(ASKED, min_size=1, max_size=4), data=st.data())
    def desk_works(self, asked: list[str], data: st.DataObject) -> None:
        for name in asked:
            ticket = self.some(data, OF.get(name, "state='waiting'"))
            if ticket is None:
                continue
            if name == "rebook":
                self.book_anew(ticket)
            elif name == "urge":
                self.urge(ticket)
            elif name == "change":
                self.change(ticket, data.draw(SERVICE))
            else:
                self.tried(desk.make_move, desk.Move(name, ticket, None, ""))

    def urge(self, ticket: str) -> None:
        """Before all who wait in the line but those whom the law puts first."""
        answer = self.tried(arrivals.urge, arrivals.Urge(ticket, "急事", "ops"))
        if isinstance(answer, str):
            self.people[answer].urged = True
            sql = "SELECT id FROM ticket WHERE state='waiting' AND service=(SELECT service FROM ticket WHERE id=?)"
            line = [row[0] for row in self.books.rows(f"{sql} ORDER BY rank, position", answer)]
            assert {self.people[each].reason for each in line[: line.index(answer)]} <= {"military"}

    def change(self, ticket: str, service: str) -> None:
        """On the same number, where the other service has one left today."""
        answer = self.tried(changing.change, changing.Change(ticket, service, "desk"))
        if isinstance(answer, str):
            count = (self.books.clock.now().day, service)
            self.counted[count] += 1
            assert service != "pension" or self.counted[count] <= QUOTA

    def book_anew(self, ticket: str) -> None:
        """Who cannot be served today has a booking in its place, or still has the number."""
        self.codes += 1
        other = (datetime.fromisoformat(self.books.clock.now().day) + timedelta(days=1)).date().isoformat()
        booking = appointments.Book("medical", other, "09:00", "10:00", "onsite", "desk", f"B{self.codes}")
        staff = self.books.hall.staff[0].id
        answer = self.tried(closing.rebook, closing.Rebook(ticket, "desk", staff, "系统故障", booking))
        if isinstance(answer, str):
            assert self.books.rows("SELECT day FROM appointment WHERE id=?", answer) == [(other,)]
            assert self.books.rows("SELECT state FROM ticket WHERE id=?", ticket) == [("cancelled",)]

    # ---- what time and power do

    @rule(minutes=st.sampled_from([1, 10, 45, 150]), restarts=st.booleans())
    def time_passes(self, minutes: int, restarts: bool) -> None:
        self.books.wall.at += minutes * 60
        if restarts:
            self.restart()
        self.sweep()

    def restart(self) -> None:
        before = self.everything()
        self.books.open_anew()
        assert self.everything() == before

    @precondition(lambda self: len(self.people) > 8)
    @rule(seconds=st.sampled_from([60, HOUR_S, 24 * HOUR_S]))
    def clock_steps_back(self, seconds: int) -> None:
        day = self.books.clock.now().day
        self.books.wall.at -= seconds
        assert self.books.clock.now().day == day

    @precondition(lambda self: len(self.people) > 8 and self.books.clock.now().day < "2026-03-20")
    @rule()
    def next_morning(self) -> None:
        self.midnight()
        self.books.wall.at += 9 * HOUR_S
        self.sweep()

    def sweep(self) -> None:
        self.books.do(closing.close_day, None)
        self.books.do(desk.release, None)

    def midnight(self) -> None:
        """A second into the day after the newest one; who waits is ended, a case in hand goes on."""
        after = datetime.fromisoformat(self.books.clock.now().day) + timedelta(days=1, seconds=1)
        self.books.wall.at = after.replace(tzinfo=self.books.hall.zone_info).timestamp()
        assert self.books.clock.now().ok
        self.sweep()
        assert {row[0] for row in self.books.rows(f"SELECT state FROM ticket WHERE NOT {ENDED}")} <= {
            *("called", "serving")
        }

    # ---- what always holds

    @invariant()
    def everybody_is_there_on_the_number_that_was_given(self) -> None:
        rows = self.books.rows("SELECT id, number, day FROM ticket")
        assert {row[0]: (row[1], row[2]) for row in rows} == {
            id_: (one.number, one.day) for id_, one in self.people.items()
        }
        assert len({(row[1], row[2]) for row in rows}) == len(rows)

    @invariant()
    def each_kiosk_series_runs_without_a_gap(self) -> None:
        given: dict[tuple[str, str], list[int]] = {}
        for day, prefix, ordinal in self.books.rows("SELECT day, prefix, ordinal FROM ticket WHERE prefix <> 'S'"):
            given.setdefault((day, prefix), []).append(ordinal)
        assert all(sorted(each) == list(range(1, len(each) + 1)) for each in given.values())

    @invariant()
    def each_window_has_one_ticket_and_each_ticket_one_window(self) -> None:
        held = [row[0] for row in self.books.rows("SELECT window FROM ticket WHERE state IN ('called', 'serving')")]
        assert len(set(held)) == len(held)
        assert set(held) <= set(SKILLS)
        assert not self.books.rows("SELECT 1 FROM ticket WHERE state='waiting' AND window IS NOT NULL")

    @invariant()
    def whoever_waits_can_be_called_somewhere(self) -> None:
        able = set().union(*(self.callable_by(no) for no in SKILLS))
        later = "SELECT id FROM ticket WHERE state='waiting' AND for_window=0 AND not_before IS NOT NULL"
        waits = {row[0] for row in self.books.rows("SELECT id FROM ticket WHERE state='waiting'")}
        assert waits == able | {row[0] for row in self.books.rows(later)}
        for (no,) in self.books.rows("SELECT no FROM window WHERE armed_at IS NOT NULL"):
            assert not self.callable_by(no)

    def teardown(self) -> None:
        """Every state is left: four hours into the next day nothing of this one is under way."""
        if not hasattr(self, "books"):
            return
        last = self.books.clock.now().day
        self.midnight()
        self.books.wall.at += 4 * HOUR_S
        self.sweep()
        assert not self.books.rows(f"SELECT 1 FROM ticket WHERE NOT {ENDED}")
        self.the_journal_tells_the_same()
        self.books.do(lambda session, hall, now, day: closing.finish_day(session, hall, now, day), last)
        self.books.database.close()
        shutil.rmtree(self.folder)

    def the_journal_tells_the_same(self) -> None:
        """Each ticket's events are legal moves, one after the other, and lead to the state of its row."""
        states = dict.fromkeys(self.people, "")
        moves = {each.event: each for each in MOVES.values()}
        for event in self.books.events("ticket."):
            ticket = event.data["ticket"]
            if event.type == "ticket.issued":
                states[ticket] = "called" if event.data.get("walk_in") else "waiting"
            else:
                assert states[ticket] in moves[event.type].sources
                states[ticket] = moves[event.type].target
        assert states == dict(map(tuple, self.books.rows("SELECT id, state FROM ticket")))


TestDays = pytest.mark.req("QUE-05", "QUE-16", "WIN-03")(Days.TestCase)
TestDays.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
