"""Messages as a state machine: in any order of things nobody is told the same twice, and nobody after its time."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.messages import desk
from edge.queue import desk as queue
from edge.refusal import Refused
from tests.messages.halls import MODEM, VAULT, claim, issue, opt_in, remind, with_messages

PHONES = ["13800000001", "13800000002", "13800000003"]
LIVES_S = {"issued": 600, "soon": 300, "come": 180}
DAILY_CAP, PER_PHONE = 9, 4
WINDOWS = st.sampled_from([1, 3])
ENDS = ("delivered", "failed", "unknown", "expired", "suppressed")


class Messages(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = with_messages(self.folder, ahead=[1, 2], daily_cap=DAILY_CAP, per_phone=PER_PHONE)
        self.tickets: list[str] = []
        self.phones: dict[str, str] = {}
        self.wanted_at: dict[str, float] = {}
        self.told: set[tuple[str, str, int, str]] = set()
        self.out: list[str] = []
        """The number of each message that went out, or may have."""
        self.flying: desk.Claimed | None = None
        self.references: list[str] = []

    def move(self, name: str, ticket: str, window: int | None) -> None:
        with contextlib.suppress(Refused):
            self.books.do(queue.make_move, queue.Move(name, ticket, window, ""))

    def ticket(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.tickets))

    # ---- visitors

    @rule(service=st.sampled_from(["pension", "medical"]))
    def come(self, service: str) -> None:
        self.tickets.append(issue(self.books, service))

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), phone=st.sampled_from(PHONES))
    def give_number(self, data: st.DataObject, phone: str) -> None:
        ticket = self.ticket(data)
        ((state,),) = self.books.rows("SELECT state FROM ticket WHERE id=?", ticket)
        if state in ("finished", "cancelled"):
            with pytest.raises(Refused, match="ticket_over"):
                opt_in(self.books, ticket, phone)
        else:
            opt_in(self.books, ticket, phone)
            self.phones[ticket] = phone

    @precondition(lambda self: self.phones)
    @rule(data=st.data())
    def take_it_back(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.phones)))
        self.books.do(desk.opt_out, desk.OptOut(ticket, "visitor"))
        del self.phones[ticket]

    # ---- the queue

    @rule(window=WINDOWS)
    def call(self, window: int) -> None:
        with contextlib.suppress(Refused):
            self.books.do(queue.call_next, queue.CallNext(window, ""))

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), name=st.sampled_from(["miss", "start", "finish", "recall"]), window=WINDOWS)
    def at_window(self, data: st.DataObject, name: str, window: int) -> None:
        self.move(name, self.ticket(data), window)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), name=st.sampled_from(["cancel", "return"]))
    def at_desk(self, data: st.DataObject, name: str) -> None:
        self.move(name, self.ticket(data), None)

    @rule()
    def react(self) -> None:
        """The reactions may lag, and run twice."""
        remind(self.books)
        remind(self.books)

    # ---- the modem

    @precondition(lambda self: self.flying is None)
    @rule()
    def send(self) -> None:
        for id_, at in self.books.rows("SELECT id, wanted_at FROM message"):
            self.wanted_at[id_] = at / 1000
        self.flying = claim(self.books)
        if self.flying is None:
            assert not self.books.rows("SELECT 1 FROM message WHERE state='wanted'")
            return
        number = VAULT.unseal(self.flying.sealed, self.flying.ticket)
        assert number == self.phones[self.flying.ticket], "only to the number that the visitor gave last"
        self.check(self.flying, number)
        self.out.append(number)
        assert len(self.out) <= DAILY_CAP
        assert self.out.count(number) <= PER_PHONE

    def check(self, claimed: desk.Claimed, number: str) -> None:
        ((kind, occasion),) = self.books.rows("SELECT kind, occasion FROM message WHERE id=?", claimed.id)
        ((state,),) = self.books.rows("SELECT state FROM ticket WHERE id=?", claimed.ticket)
        assert state == ("called" if kind == "come" else "waiting")
        calls = [event.at / 1000 for event in self.books.events("ticket.called") if event.key == claimed.ticket]
        since = calls[-1] if kind == "come" else self.wanted_at[claimed.id]
        assert self.books.wall.at < since + LIVES_S[kind]
        nth = len(calls) if kind == "come" else occasion
        assert (claimed.ticket, kind, nth, number) not in self.told
        self.told.add((claimed.ticket, kind, nth, number))

    @precondition(lambda self: self.flying is not None)
    @rule(end=st.sampled_from(["sent", "failed", "unknown", "crash"]))
    def land(self, end: str) -> None:
        flying, self.flying = self.flying, None
        assert flying is not None
        if end == "sent":
            self.references.append(flying.id)
            self.books.do(desk.sent, desk.Sent(flying.id, flying.id))
        elif end == "failed":
            self.books.do(desk.unsent, desk.Unsent(flying.id, "failed", "barred"))
            self.out.pop()
        elif end == "unknown":
            self.books.do(desk.unsent, desk.Unsent(flying.id, "unknown", "cut_off"))

    @precondition(lambda self: self.references)
    @rule(data=st.data(), delivered=st.booleans())
    def network_says(self, data: st.DataObject, delivered: bool) -> None:
        reference = data.draw(st.sampled_from(self.references))
        self.books.do(desk.report, desk.Report(MODEM, reference, delivered))

    # ---- the clock

    @rule(seconds=st.integers(0, 400))
    def time_passes(self, seconds: int) -> None:
        self.books.wall.at += seconds
        self.books.do(desk.expire, None)
        if seconds >= 300:
            self.flying = None

    # ---- what always holds

    @invariant()
    def one_message_is_in_the_air(self) -> None:
        assert len(self.books.rows("SELECT 1 FROM message WHERE state='sending'")) <= 1

    @invariant()
    def each_message_has_its_life_in_the_journal(self) -> None:
        lives: dict[str, list[str]] = {}
        for event in self.books.events("message."):
            if "message" in event.data:
                lives.setdefault(event.data["message"], []).append(event.type.removeprefix("message."))
        for id_, state in self.books.rows("SELECT id, state FROM message"):
            first, *rest = lives.pop(id_)
            assert first == "wanted"
            assert rest in ([], ["sent"], *([end] for end in ENDS[1:]), ["sent", "delivered"], ["sent", "failed"])
            assert state == (rest[-1] if rest else state)
            assert rest or state in ("wanted", "sending")
        assert not lives

    def teardown(self) -> None:
        """In the end each message has ended."""
        if not hasattr(self, "books"):
            return
        self.books.wall.at += 600
        self.books.do(desk.expire, None)
        assert not self.books.rows("SELECT 1 FROM message WHERE state IN ('wanted', 'sending')")
        self.books.database.close()
        shutil.rmtree(self.folder)


TestMessages = pytest.mark.req("NOTI-01")(Messages.TestCase)
TestMessages.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
