"""The counter as a state machine: boxes, evaluators and the queue together, by what their keys mean, stored for real.

Each press has the move that it should have by what the rows said before it, and an answer; each grade goes to the
service whose invitation is open, whatever was called meanwhile.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from drivers.base import Condition, Graded, KeyPressed
from drivers.call_bus import key
from edge.database import Writer
from edge.devices.presses import Presses
from edge.evaluation import desk as evaluation
from edge.notices.outputs import Again, Beep
from edge.queue import desk, issuing
from tests.books import Books
from tests.devices.counters import counters
from tests.hall import Inline, demo_hall

Result = TypeVar("Result")
Moves = list[tuple[str, str | None]]
"""(type of the event, whose ticket)"""

LIFETIME_MS, GRACE_MS, DOUBLE_S, BLINK_S = 60_000, 10_000, 0.3, 0.07
SKILLS = {
    1: {"pension", "medical", "household", "residence", "transfer", "mortgage"},
    2: {"transfer", "mortgage"},
    3: {"pension", "medical"},
}
BOXES = {1: 1, 2: 2, 3: 3, 13: 3}
"""Address -> window; two clerks share the third."""
KEYS = "0C 0D 0B 06.0F 00.0F 03.0F 12 0E 13 11 01.0C 02.0C 09.0C 01.13 02.13 03.13 09.13 01.0D".replace(".", "")
SERVICES, WINDOWS = st.sampled_from(["pension", "medical", "transfer"]), st.sampled_from([1, 2, 3])
GRADES = st.integers(0, 5)
DATA = st.sampled_from([bytes.fromhex(each) for each in KEYS.split()])


class Timed(asyncio.SelectorEventLoop):
    """Its time passes when it is told to."""

    seconds = 0.0

    def time(self) -> float:
        return self.seconds


@dataclass
class Invited:
    """What the model believes of one evaluation."""

    ticket: str
    window: int
    until: int
    state: str = "invited"
    level: int | None = None
    calls: int = 0


@dataclass
class Window:
    open: bool
    armed: bool
    held: Any
    """The row of the ticket in hand."""


def shared(text: str) -> str:
    """Two boxes at one window; who came first is next, whatever the service: who is next is tested elsewhere."""
    text = text.replace('rule = "backlog"', 'rule = "order"').replace(
        "[priority] ", "[priority]\nstrict = []\nhead_start = {} "
    )
    box = '{ device = "counter", address = 3 }'
    return counters(text).replace(f"call_box = {box}", f"call_box = [{box}, {box.replace('3', '13')}]")


class Counters(RuleBasedStateMachine):
    @initialize(services=st.lists(SERVICES, max_size=8))
    def open(self, services: list[str]) -> None:
        self.folder, self.loop = Path(tempfile.mkdtemp()), Timed()
        self.books = books = Books(self.folder)
        books.hall = demo_hall(self.folder, shared)
        parts = (books.database, books.hall, books.clock, books.ids, Inline(), books.epoch, books.journal.publish)
        self.writer = Writer(*parts)
        self.life = self.loop.create_task(self.writer.run())
        self.presses = Presses(books.hall, self.writer, books.clock)
        self.device = books.hall.device["counter"]
        self.invited: list[Invited] = []
        self.pressed: dict[tuple[int, str], float] = {}
        self.strays = 0
        self.arrive(services)

    # ---- the hall

    def run(self, doing: Awaitable[Result]) -> Result:
        async def done() -> Result:
            return await doing

        return self.loop.run_until_complete(done())

    def do(self, use_case: Any, command: Any) -> Any:
        return self.run(self.writer.do(use_case, command))

    def at(self) -> int:
        async def now() -> int:
            return self.books.clock.now().at

        return self.run(now())

    def events(self, seq: int) -> Moves:
        return [(event.type, event.data.get("ticket")) for event in self.books.journal.read(seq)]

    def tickets(self) -> list[Any]:
        sql = "SELECT id, service, state, window, ordinal, for_window, held_at FROM ticket ORDER BY position"
        return self.books.rows(sql)

    def window(self, no: int) -> Window:
        [(state, armed_at)] = self.books.rows("SELECT state, armed_at FROM window WHERE no=?", no)
        held = [each for each in self.tickets() if each.window == no and each.state in ("called", "serving")]
        assert len(held) < 2
        return Window(state == "open", armed_at is not None, held[0] if held else None)

    # ---- what a press should do

    def meant(self, no: int, name: str, typed: str) -> Moves | None:
        """None when it should be refused."""
        window = self.window(no)
        free = window.open and window.held is None
        if name in ("call", "resume"):
            return self.taken(no, name, typed, armed=window.armed) if free else None
        if name == "pause" and not typed:
            return [("window.paused" if window.open else "window.resumed", None)]
        if name == "cancel" and not typed:
            return [("window.disarmed", None)] if window.armed else None
        return self.let_go(no, name, typed, window.held) if window.held else None

    def taken(self, no: int, name: str, typed: str, *, armed: bool) -> Moves | None:
        """By a free window."""
        mine = [
            each
            for each in self.tickets()
            if each.for_window == no or (each.service in SKILLS[no] and not each.for_window)
        ]
        if name == "resume":
            held = [each for each in self.tickets() if (each.state, each.window) == ("held", no)]
            return [("ticket.resumed", max(held, key=lambda each: each.held_at).id)] if held and not typed else None
        if not typed:
            waiting = [each for each in mine if each.state == "waiting"]
            return [("ticket.called", waiting[0].id)] if waiting else [] if armed else [("window.armed", None)]
        found = [each for each in mine if each.ordinal == int(typed) and each.state in ("waiting", "missed")]
        if not found:
            return None
        first = min(found, key=lambda each: each.state == "missed")
        back: Moves = [("ticket.returned", first.id)] if first.state == "missed" else []
        return [*back, ("ticket.called", first.id)]

    def let_go(self, no: int, name: str, typed: str, held: Any) -> Moves | None:
        """By the window that has it in hand."""
        if name == "transfer":
            to = int(typed or 0)
            then: Moves = [("ticket.called", held.id)] if to in SKILLS and self.window(to).armed else []
            return [("ticket.transferred", held.id), *then] if to in SKILLS and to != no else None
        if typed or (name in ("recall", "miss") and held.state != "called"):
            return None
        if name == "finish":
            before: Moves = [("evaluation.timed_out", one.ticket) for one in self.invited_at(no)]
            return [("ticket.finished", held.id), *before, ("evaluation.invited", held.id)]
        moves = {"recall": "ticket.recalled", "miss": "ticket.missed", "hold": "ticket.held"}
        return [(moves[name], held.id)] if name in moves else None

    def sent_on(self, digits: tuple[int, ...]) -> bool:
        """Whether somebody with this number was sent to another window: who may call them by it is the queue's own."""
        typed = int("".join(map(str, digits)) or 0)
        return any(each.ordinal == typed and each.for_window for each in self.tickets())

    # ---- what the model knows of ratings

    def invited_at(self, no: int) -> list[Invited]:
        return [one for one in self.invited if one.window == no and one.state == "invited"]

    def open_at(self, no: int) -> Invited | None:
        """The invitation that a press at this evaluator is meant for."""
        return next((one for one in self.invited_at(no) if one.until > self.at()), None)

    def note(self, seq: int) -> None:
        """What the events after `seq` do to invitations."""
        for event in self.books.journal.read(seq):
            at_window = self.invited_at(event.data.get("window", 0))
            if event.type == "ticket.finished":
                for one in at_window:
                    one.state = "timed_out"
                self.invited.append(Invited(event.data["ticket"], event.data["window"], event.at + LIFETIME_MS))
            for one in at_window:
                one.calls += event.type == "ticket.called"
                if event.type in ("ticket.started", "ticket.resumed"):
                    one.until = min(one.until, event.at + GRACE_MS)

    # ---- what people do

    @rule(services=st.lists(SERVICES, min_size=1, max_size=3))
    def arrive(self, services: list[str]) -> None:
        for service in services:
            self.loop.seconds += BLINK_S
            seq = self.books.journal.last
            self.do(issuing.issue, issuing.Issue(service, "kiosk", None, ""))
            self.note(seq)

    @rule(address=st.sampled_from(list(BOXES)), data=DATA)
    def press(self, address: int, data: bytes) -> None:
        name, digits = key("hall", data)
        no, seq = BOXES[address], self.books.journal.last
        if name == "call" and self.sent_on(digits):
            return
        self.loop.seconds += BLINK_S
        double = self.loop.seconds - self.pressed.get((no, name), -1.0) < DOUBLE_S
        wanted = [] if double else self.meant(no, name, "".join(map(str, digits)))
        answers: list[Any] = self.run(self.presses(self.device, KeyPressed(address, name, digits)))
        if wanted is None:
            assert [(type(each), each.device, each.address) for each in answers] == [(Beep, "counter", address)]
            assert answers[0].until > self.at()
        else:
            assert answers == [Again("counter", address)]
        assert self.events(seq) == (wanted or [])
        if not double:
            self.pressed[no, name] = self.loop.seconds
        self.note(seq)

    @rule(data=DATA)
    def press_both(self, data: bytes) -> None:
        """Two clerks at one window, in the same moment: one move."""
        name, digits = key("hall", data)
        if name == "call" and self.sent_on(digits):
            return
        self.loop.seconds += DOUBLE_S + BLINK_S
        seq, wanted = self.books.journal.last, self.meant(3, name, "".join(map(str, digits)))

        async def at_once() -> list[Any]:
            return await asyncio.gather(
                *(self.presses(self.device, KeyPressed(address, name, digits)) for address in (3, 13))
            )

        first, second = self.run(at_once())
        assert [type(first[0]), second] == [Beep if wanted is None else Again, [Again("counter", 13)]]
        assert self.events(seq) == (wanted or [])
        self.pressed[3, name] = self.loop.seconds
        self.note(seq)

    @rule(no=WINDOWS, grade=GRADES)
    def grade(self, no: int, grade: int) -> None:
        meant, seq = self.open_at(no), self.books.journal.last
        answers = self.run(self.presses(self.device, Graded(no, grade)))
        if grade > 4:
            assert (answers, self.events(seq)) == ([Condition(f"unknown_grade_{no}", True)], [])
            return
        assert answers == []
        assert self.events(seq) == ([("evaluation.rated", meant.ticket)] if meant else [])
        if meant:
            meant.state, meant.level = "rated", grade + 1
        else:
            self.strays += 1

    @precondition(lambda self: any(self.window(no).held for no in SKILLS))
    @rule(data=st.data(), grade=st.integers(0, 4), seconds=st.floats(0.4, 59))
    def a_quick_next_call(self, data: st.DataObject, grade: int, seconds: float) -> None:
        """However fast the clerk calls the next one, the visitor who goes has their minute."""
        no = data.draw(st.sampled_from([no for no in SKILLS if self.window(no).held]))
        self.loop.seconds += DOUBLE_S
        ticket = self.window(no).held.id
        self.press(no, b"\x0b")
        self.press(no, b"\x0c")
        self.loop.seconds += seconds
        self.grade(no, grade)
        assert [(one.state, one.level) for one in self.invited if one.ticket == ticket] == [("rated", grade + 1)]

    @rule(no=WINDOWS, keys=st.sampled_from(["0C 0B", "0C 000F 0C 000F 030F", "0C 060F 010C 0D"]))
    def press_in_turn(self, no: int, keys: str) -> None:
        """Serve one; put two aside and go on with the later; have one come back who was missed."""
        for data in keys.split():
            self.loop.seconds += DOUBLE_S
            self.press(no, bytes.fromhex(data))

    @rule(no=WINDOWS)
    def start(self, no: int) -> None:
        """On the console; a box has no key for it."""
        held, seq = self.window(no).held, self.books.journal.last
        if held and held.state == "called":
            self.do(evaluation.make_move, desk.Move("start", held.id, no, ""))
            self.note(seq)

    @rule(seconds=st.sampled_from([0.1, 0.4, 1, 9, 10, 30, 59, 61]))
    def time_passes(self, seconds: float) -> None:
        self.loop.seconds += seconds

    @rule(faulty=st.frozensets(WINDOWS), seconds=st.sampled_from([0, 11, 61]))
    def sweep(self, faulty: frozenset[int], seconds: int) -> None:
        self.loop.seconds += seconds
        over = [one for one in self.invited if one.state == "invited" and one.until <= self.at()]
        for one in over:
            one.state = "device_fault" if one.window in faulty else "timed_out"
        assert self.do(evaluation.expire, faulty) == len(over)

    # ---- what always holds

    @invariant()
    def ratings_are_as_the_model_says(self) -> None:
        """One a service, on the right one, and silence is none."""
        rows = self.books.rows("SELECT ticket, window, state, level, calls FROM evaluation ORDER BY seq")
        assert [tuple(row) for row in rows] == [
            (one.ticket, one.window, one.state, one.level, one.calls) for one in self.invited
        ]
        assert self.books.rows("SELECT coalesce(sum(presses), 0) FROM evaluation_stray") == [(self.strays,)]

    def teardown(self) -> None:
        if not hasattr(self, "books"):
            return
        self.life.cancel()
        self.loop.run_until_complete(asyncio.gather(self.life, return_exceptions=True))
        self.loop.close()
        self.books.database.close()
        shutil.rmtree(self.folder)


TestCounters = pytest.mark.req("EVAL-02", "EVAL-03", "EVAL-05")(Counters.TestCase)
TestCounters.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
