"""Windows whose skills change at random while people come, wait and are served: nobody is lost, nobody is passed."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.hall import Hall
from edge.hallqueue import Hold
from edge.queue import assigning, balance, closing, desk, issuing
from edge.refusal import Refused
from edge.windows import desk as windows
from edge.windows import skills
from tests.books import Books
from tests.hall import DAY_S

SERVICES = ("pension", "medical", "household", "residence", "transfer", "mortgage")
FILE, EXTRA = (1, 2, 3), (8, 9)
SERVICE = st.sampled_from(SERVICES[:3])
SKILLS = st.lists(SERVICE, min_size=1, max_size=3, unique=True).map(tuple)
HOLD: st.SearchStrategy[Hold] = st.sampled_from(["without_papers", "with_papers", "waiting"])
LINE = "SELECT id FROM ticket WHERE state='waiting' AND service=? ORDER BY rank, position"
MAY_CALL = "(for_window={no} OR for_window IS NULL AND service IN ({skills}))"


class Changing(RuleBasedStateMachine):
    @initialize(asking=st.lists(st.sampled_from([9, 3, 2, 1]), unique=True), coming=st.lists(SERVICE, max_size=5))
    def open(self, asking: list[int], coming: list[str]) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = Books(self.folder)
        self.books.do(assigning.add, assigning.Add(9, "临时", "f1", SERVICES[:2], "", ""))
        for no in asking:
            self.books.do(desk.call_next, desk.CallNext(no, ""))
        for service in coming:
            self.issue(service, ())

    def hall(self) -> Hall:
        with self.books.database.read() as connection:
            return skills.effective(connection, self.books.hall)

    def window(self, data: st.DataObject) -> int:
        no: int = data.draw(st.sampled_from(sorted(self.hall().window, reverse=True)))
        return no

    def tried(self, use_case: Any, command: Any) -> Any:
        """What it gives, or the refusal; then nothing is written."""
        before = self.books.rows("SELECT max(seq) FROM journal"), self.books.rows("SELECT * FROM window_change")
        try:
            return self.books.do(use_case, command)
        except Refused as refusal:
            assert before == (
                self.books.rows("SELECT max(seq) FROM journal"),
                self.books.rows("SELECT * FROM window_change"),
            )
            return refusal

    def lines(self) -> dict[str, list[str]]:
        return {service: [row[0] for row in self.books.rows(LINE, service)] for service in SERVICES}

    def change(self, use_case: Any, command: Any) -> Any:
        """Who still waits afterwards waits in the same line, behind the same people."""
        before = self.lines()
        answer = self.tried(use_case, command)
        for service, line in self.lines().items():
            assert line == [each for each in before[service] if each in line]
            gone = set(before[service]) - set(line)
            called = self.books.rows("SELECT id FROM ticket WHERE state='called'")
            assert gone <= {row[0] for row in called}
        return answer

    # ---- what changes

    @rule(
        data=st.data(),
        services=SKILLS,
        until=st.sampled_from(["day", None]),
        green=st.sampled_from([None, None, True, False]),
    )
    def set_skills(
        self, data: st.DataObject, services: tuple[str, ...], until: Literal["day"] | None, green: bool | None
    ) -> None:
        no = self.window(data)
        before = self.hall()
        services += SERVICES[3:] if no == 1 else ()
        answer = self.change(assigning.set_skills, assigning.SetSkills(no, services, until, "", "", green))
        if isinstance(answer, Refused):
            rest = {skill for each in before.windows if each.no != no for skill in each.skills} | set(services)
            waits = [each for each, line in self.lines().items() if line and each not in services]
            later = answer.code == "nobody_serves_later" and (until is None or no in FILE)
            assert waits or later or rest != set(SERVICES)
        else:
            assert self.hall().window[no].skills == services

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        no = self.window(data)
        if not isinstance(self.change(assigning.restore, assigning.Restore(no, "", "")), Refused):
            assert self.hall().window[no] == self.books.hall.window[no]

    @rule(no=st.sampled_from(EXTRA), services=SKILLS)
    def add(self, no: int, services: tuple[str, ...]) -> None:
        taken = no in self.hall().window
        answer = self.change(assigning.add, assigning.Add(no, "临时", "f1", services, "", ""))
        assert isinstance(answer, Refused) == taken

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        no = self.window(data)
        answer = self.change(assigning.close, windows.Close(no, ""))
        assert isinstance(answer, Refused) or no in FILE or no not in self.hall().window

    @rule()
    def day_changes(self) -> None:
        self.books.wall.at += DAY_S
        self.books.do(closing.close_day, None)
        self.books.do(windows.close_day, None)
        self.books.do(assigning.close_day, None)
        with self.books.database.read() as connection:
            left = [each.window for each in skills.changes(connection) if each.until is not None]
        busy = self.books.rows("SELECT window FROM ticket WHERE state IN ('called', 'serving')")
        assert set(left) <= {*EXTRA} & {row[0] for row in busy}

    # ---- what people do

    @rule(service=SERVICE, claims=st.sampled_from([(), (), ("senior",), ("military",)]))
    def issue(self, service: str, claims: tuple[Any, ...]) -> None:
        self.books.wall.at += 60
        wanted = tuple(balance.Claim(each, "declared") for each in claims)
        self.books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "", wanted))

    @rule(data=st.data())
    def call_next(self, data: st.DataObject) -> None:
        no = self.window(data)
        before = {
            row[0]: (row[1], row[2])
            for row in self.books.rows(
                "SELECT id, service, priority FROM ticket WHERE state='waiting'"
                " AND (for_window IS NULL OR for_window=?) ORDER BY rank, position",
                no,
            )
        }
        called = self.tried(desk.call_next, desk.CallNext(no, ""))
        sent = self.books.rows("SELECT id FROM ticket WHERE for_window=?", no)
        if called and not isinstance(called, Refused) and called.ticket not in {row[0] for row in sent}:
            same = [id_ for id_, kind in before.items() if kind == before[called.ticket]]
            assert same[0] == called.ticket

    @rule(data=st.data(), name=st.sampled_from(["finish", "finish", "miss", "hold"]), kind=HOLD)
    def at_window(self, data: st.DataObject, name: str, kind: Hold) -> None:
        no = self.window(data)
        self.tried(desk.make_move, desk.Move(name, None, no, "", kind))

    @rule(data=st.data(), minutes=st.sampled_from([0, 10]))
    def send_on(self, data: st.DataObject, minutes: int) -> None:
        no, to = self.window(data), self.window(data)
        self.tried(desk.call_next, desk.CallNext(no, ""))
        self.tried(desk.transfer, desk.Transfer(no, None, "", to=to, delay_minutes=minutes))

    @rule(minutes=st.sampled_from([1, 10]))
    def time_passes(self, minutes: int) -> None:
        self.books.wall.at += minutes * 60
        self.books.do(desk.release, None)

    @rule()
    def back_at_the_desk(self) -> None:
        for (ticket,) in self.books.rows("SELECT id FROM ticket WHERE state='missed' ORDER BY id"):
            self.tried(desk.make_move, desk.Move("return", ticket, None, ""))

    @rule(data=st.data())
    def resume_held(self, data: st.DataObject) -> None:
        no = self.window(data)
        self.tried(desk.resume, desk.Resume(no, None, ""))

    @rule(data=st.data(), pauses=st.booleans())
    def pause_or_resume(self, data: st.DataObject, pauses: bool) -> None:
        no = self.window(data)
        if pauses:
            self.tried(windows.pause, windows.Pause(no, "wait_a_moment", ""))
        else:
            self.tried(windows.open_again, windows.Close(no, ""))
            self.tried(windows.resume, windows.Resume(no, ""))

    # ---- what always holds

    @invariant()
    def every_service_has_a_window_and_everyone_who_waits_too(self) -> None:
        hall = self.hall()
        assert all(hall.able.values())
        bound = "SELECT for_window, due_window FROM ticket WHERE state NOT IN ('finished', 'cancelled')"
        assert {no for row in self.books.rows(bound) for no in row} <= {None, 0, *hall.window}
        held = self.books.rows("SELECT window FROM ticket WHERE state IN ('called', 'serving', 'held', 'missed')")
        assert {row[0] for row in held} <= {None, *hall.window}

    @invariant()
    def numbers_are_unique_and_no_window_has_two(self) -> None:
        numbers = Counter(self.books.rows("SELECT day, number FROM ticket"))
        held = Counter(self.books.rows("SELECT window FROM ticket WHERE state IN ('called', 'serving')"))
        assert max([*numbers.values(), *held.values()], default=1) == 1

    @invariant()
    def no_window_waits_while_somebody_waits_for_it(self) -> None:
        hall = self.hall()
        for (no,) in self.books.rows("SELECT no FROM window WHERE armed_at IS NOT NULL"):
            able = ",".join(f"'{each}'" for each in hall.window[no].skills)
            may_call = MAY_CALL.format(no=no, skills=able)
            assert not self.books.rows(f"SELECT id FROM ticket WHERE state='waiting' AND {may_call}")

    @invariant()
    def every_window_of_the_hall_has_its_row(self) -> None:
        assert {row[0] for row in self.books.rows("SELECT no FROM window")} == set(self.hall().window)

    @invariant()
    def the_journal_tells_what_each_window_serves(self) -> None:
        told = {no: list(each.skills) for no, each in self.books.hall.window.items()}
        for event in self.books.events("window."):
            if event.type == "window.added":
                told[event.data["window"]] = list(event.data["skills"])
            elif event.type == "window.removed":
                del told[event.data["window"]]
            elif event.type == "window.skills_changed":
                assert told[event.data["window"]] == event.data["from"]
                told[event.data["window"]] = event.data["to"]
        assert told == {no: list(each.skills) for no, each in self.hall().window.items()}

    def teardown(self) -> None:
        if hasattr(self, "books"):
            self.books.database.close()
            shutil.rmtree(self.folder)


TestChanging = pytest.mark.req("QUE-11")(Changing.TestCase)
TestChanging.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
