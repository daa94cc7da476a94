"""The hall of a past moment, out of its journal, is what the live views said at that moment."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hall import Hall
from edge.hallqueue import Hold
from edge.queue import arrivals, assigning, board, changing, closing, desk, finishing, handwritten, issuing
from edge.queue.past import MINUTE_MS, Past, began, midnight, past
from edge.refusal import Refused
from edge.windows import desk as windows
from edge.windows import handover, noon, skills
from tests.books import Books
from tests.hall import DAY_S

SERVICES = ("pension", "medical", "household", "transfer")
SKILLS = (("pension",), ("medical", "transfer"), ("household", "pension"), ("medical", "pension"))
HOLDS: tuple[Hold, ...] = ("without_papers", "with_papers", "waiting")
HOUR_MS = 60 * MINUTE_MS
LINES = "SELECT service, count(*), min(since) FROM ticket WHERE state='waiting' GROUP BY service"


class Live(NamedTuple):
    """What the hall's own views said at a moment."""

    seq: int
    at: int
    day: str
    windows: list[dict[str, Any]]
    lines: set[tuple[str, int, int]]


class Played:
    """Acts of a hall, one after the other; after each of them its live views are kept."""

    def __init__(self, folder: Path) -> None:
        self.books = Books(folder)
        self.staff = [each.id for each in self.books.hall.staff]
        self.kept: list[Live] = []

    def hall(self) -> Hall:
        with self.books.database.read() as connection:
            return skills.effective(connection, self.books.hall)

    def some(self, where: str, pick: int) -> str:
        found = self.books.rows(f"SELECT id FROM ticket WHERE {where} ORDER BY id")
        return str(found[pick % len(found)][0]) if found else ""

    def act(self, name: str, no: int, pick: int) -> None:
        self.books.wall.at += 1 + pick * 7 % 200
        for use_case, command in ACTS[name](self, no, pick):
            with contextlib.suppress(Refused):
                self.books.do(use_case, command)
        self.books.do(desk.release, None)  # as the sweep does within a second
        self.keep()

    def night(self) -> None:
        self.books.wall.at += DAY_S / 2
        for each in (closing, windows, assigning):
            self.books.do(each.close_day, None)
        self.books.do(desk.release, None)
        self.keep()

    def keep(self) -> None:
        now = self.books.clock.now()
        with self.books.database.read() as connection:
            views = board.windows(connection, skills.effective(connection, self.books.hall))
            lines = {tuple(row) for row in connection.exec_driver_sql(LINES)}
        self.kept.append(
            Live(
                self.books.rows("SELECT coalesce(max(seq), 0) FROM journal")[0][0],
                now.at,
                now.day,
                [bare(view) for view in views],
                lines,
            )
        )

    def compare(self) -> None:
        with self.books.database.read() as connection:
            for live in self.kept:
                hall = skills.as_of(connection, self.books.hall, live.at)
                start = live.at // HOUR_MS * HOUR_MS
                found = past(connection, hall, live.day, start, start + HOUR_MS, live.at)
                assert found.seq == live.seq
                assert [bare(view) for view in found.windows] == live.windows
                assert {tuple(each) for each in found.lines} == live.lines


def bare(view: dict[str, Any]) -> dict[str, Any]:
    """What pictures show of it."""
    ticket, paused = view["ticket"], view["paused"]
    return {key: view[key] for key in ("no", "state", "staff", "armed", "waiting")} | {
        "ticket": ticket and (ticket["number"], ticket["state"]),
        "paused": paused and (paused["sign"], paused["resume"]),
    }


def _transfer(play: Played, no: int, pick: int, **more: Any) -> list[Any]:
    return [*_called(no), (desk.transfer, desk.Transfer(no, None, "", delay_minutes=pick % 3 * 2, **more))]


def _called(no: int) -> list[Any]:
    """Somebody is in hand there, if anybody waits and it is open."""
    return [(desk.call_next, desk.CallNext(no, ""))]


Act = Callable[[Played, int, int], list[tuple[Any, Any]]]
ACTS: dict[str, Act] = {
    "issue": lambda _play, _no, pick: [(issuing.issue, issuing.Issue(SERVICES[pick % 4], "kiosk", None, ""))],
    "call": lambda _play, no, _pick: [(desk.call_next, desk.CallNext(no, ""))],
    "recall": lambda _play, no, _pick: [*_called(no), (desk.make_move, desk.Move("recall", None, no, ""))],
    "start": lambda _play, no, _pick: [*_called(no), (desk.make_move, desk.Move("start", None, no, ""))],
    "miss": lambda _play, no, _pick: [*_called(no), (desk.make_move, desk.Move("miss", None, no, ""))],
    "hold": lambda _play, no, pick: [*_called(no), (desk.make_move, desk.Move("hold", None, no, "", HOLDS[pick % 3]))],
    "resume ticket": lambda _play, no, _pick: [(desk.resume, desk.Resume(no, None, ""))],
    "finish": lambda _play, no, _pick: [(finishing.finish, finishing.Finish(no, None, ""))],
    "return": lambda play, _no, pick: [
        (desk.make_move, desk.Move("return", play.some("state='missed'", pick), None, ""))
    ],
    "cancel": lambda play, _no, pick: [
        (desk.make_move, desk.Move("cancel", play.some("state='waiting'", pick), None, ""))
    ],
    "to service": lambda play, no, pick: _transfer(play, no, pick, service=SERVICES[pick % 4]),
    "to window": lambda play, no, pick: _transfer(play, no, pick, to=1 + pick % 4),
    "wrong window": lambda play, no, pick: _transfer(play, no, pick, to=1 + pick % 4, wrong_window=True),
    "to clerk": lambda play, no, pick: _transfer(play, no, pick, staff=play.staff[pick % len(play.staff)]),
    "change": lambda play, _no, pick: [
        (changing.change, changing.Change(play.some("state='waiting'", pick), SERVICES[pick % 4], ""))
    ],
    "urge": lambda play, _no, pick: [(arrivals.urge, arrivals.Urge(play.some("state='waiting'", pick), "急", ""))],
    "walk in": lambda _play, no, pick: [(arrivals.walk_in, arrivals.WalkIn(no, SERVICES[pick % 4], ""))],
    "by hand": lambda play, _no, pick: [(handwritten.enter, by_hand(play, pick))],
    "pause": lambda _play, no, pick: [
        (
            windows.pause,
            windows.Pause(no, ("away", "wait_a_moment", "suspended")[pick % 3], "", (None, "9:30")[pick % 2]),
        )
    ],
    "noon": lambda play, _no, _pick: [(noon.begin, noon.Noon(play.books.clock.now().at, "下午14:30"))],
    "noon ends": lambda _play, _no, _pick: [(noon.end, None)],
    "resume": lambda _play, no, _pick: [(windows.resume, windows.Resume(no, ""))],
    "close": lambda _play, no, _pick: [(assigning.close, windows.Close(no, ""))],
    "open": lambda _play, no, _pick: [(windows.open_again, windows.Close(no, ""))],
    "wait no more": lambda _play, no, _pick: [(windows.stop_waiting, windows.Resume(no, ""))],
    "sign in": lambda play, no, pick: [(windows.sign_in, windows.SignIn(no, play.staff[pick % len(play.staff)], ""))],
    "sign out": lambda _play, no, _pick: [(windows.sign_out, windows.SignOut(no, ""))],
    "hand over": lambda play, no, pick: [
        (handover.ask, handover.Ask(no, play.staff[pick % len(play.staff)], "")),
        (handover.confirm, handover.Answer(no, play.staff[pick % len(play.staff)], "")),
    ],
    "add window": lambda _play, _no, pick: [
        (assigning.add, assigning.Add(4, "临时", "f1", (SERVICES[pick % 4],), "忙", ""))
    ],
    "skills": lambda _play, no, pick: [
        (assigning.set_skills, assigning.SetSkills(no, SKILLS[pick % 4], "day", "忙", ""))
    ],
    "restore": lambda _play, no, _pick: [(assigning.restore, assigning.Restore(no, "", ""))],
}
OFTEN = ("issue", "issue", "issue", "call", "call", "start", "finish", "sign in", "to window", "to clerk")
STEPS = st.lists(
    st.tuples(st.sampled_from([*OFTEN, *ACTS, "night"]), st.integers(1, 4), st.integers(0, 11)),
    min_size=25,
    max_size=50,
)


def by_hand(play: Played, pick: int) -> Any:
    taken = play.books.clock.now().at - (1 + pick) * MINUTE_MS
    served = handwritten.Served(1, taken, taken + MINUTE_MS) if pick % 2 else None
    ordinal = 1 + len(play.books.rows("SELECT 1 FROM ticket"))
    return handwritten.Enter((handwritten.Hand(str(ordinal), SERVICES[pick % 4], taken, served),), "")


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_every_moment_is_what_was_seen_then(steps: list[tuple[str, int, int]]) -> None:
    folder = Path(tempfile.mkdtemp())
    play = Played(folder)
    try:
        for name, no, pick in steps:
            if name == "night":
                play.night()
            else:
                play.act(name, no, pick)
        play.night()
        play.compare()
    finally:
        play.books.database.close()
        shutil.rmtree(folder)


# ---- single things


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Played]:
    found = Played(tmp_path)
    yield found
    found.books.database.close()


def then(play: Played, at: int, day: str = "2026-03-02") -> Past:
    start = at // HOUR_MS * HOUR_MS
    with play.books.database.read() as connection:
        return past(connection, skills.as_of(connection, play.books.hall, at), day, start, start + HOUR_MS, at)


def test_a_clock_that_went_back_leaves_each_moment_whole(play: Played) -> None:
    """9:00 and 9:10 somebody comes; the clock goes back to 9:05, and the first is called a minute later."""
    nine = play.books.clock.now().at
    play.books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    play.books.wall.at += 600
    play.books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    play.books.wall.at -= 240
    play.books.do(desk.call_next, desk.CallNext(3, ""))
    waited = [sum(line.waiting for line in then(play, nine + minute * MINUTE_MS).lines) for minute in range(12)]
    assert waited == [1] * 6 + [1] * 6
    assert then(play, nine + 7 * MINUTE_MS).windows[2]["ticket"] == {"number": "A001", "state": "called"}
    assert then(play, nine + 12 * MINUTE_MS).crowd[:13] == [1] * 13


def test_the_crowd_of_the_hour_is_that_of_each_of_its_moments(play: Played) -> None:
    for nth in range(40):
        play.act(("issue", "issue", "call", "finish", "cancel", "miss")[nth % 6], 1 + nth % 3, nth)
    first, last = play.kept[0].at // HOUR_MS * HOUR_MS, play.kept[-1].at
    crowd = then(play, first).crowd
    assert len(crowd) == 61
    for minute in range(0, min(60, (last - first) // MINUTE_MS), 7):
        assert crowd[minute] == sum(line.waiting for line in then(play, first + minute * MINUTE_MS).lines)


def test_a_pause_of_an_older_journal_tells_no_time(play: Played) -> None:
    body = json.dumps({"window": 3, "zone": "f1", "sign": "away"})
    at = play.books.clock.now().at
    with play.books.database.writing.begin() as connection:
        connection.exec_driver_sql(EVENT_SQL, (at, "2026-03-02", "window.paused", "window:3", body))
    assert then(play, at).windows[2]["paused"] == {"sign": "away", "resume": None}


def test_before_the_first_event_there_is_nothing(play: Played) -> None:
    with play.books.database.read() as connection:
        assert began(connection) is None
    found = then(play, play.books.clock.now().at)
    assert (found.seq, found.lines, sum(found.crowd)) == (0, [], 0)
    assert all(view["state"] == "open" and view["staff"] is None for view in found.windows)


TICKET_SQL = """
INSERT INTO ticket (id, day, prefix, ordinal, number, service, channel, state, position, taken_at, ended_at)
VALUES (?, ?, 'A', ?, ?, 'pension', 'kiosk', 'finished', ?, ?, ?)
"""
EVENT_SQL = "INSERT INTO journal (at, day, clock_ok, type, key, actor, data, hash) VALUES (?, ?, 1, ?, ?, '', ?, '')"
LIFE = ("ticket.issued", "print.done", "ticket.called", "ticket.started", "ticket.finished", "evaluation.given")


def fill(books: Books, day: str, many: int) -> None:
    """So many tickets from 8:00 to 16:20, each served 20 minutes after it was taken."""
    tickets, happened = [], []
    for nth in range(many):
        taken = midnight(books.hall, day) + 8 * HOUR_MS + nth * 30_000_000 // many
        id_, number = f"{day}-{nth}", f"A{nth:03d}"
        tickets.append((id_, day, nth, number, nth, taken, taken + 1_200_000))
        data = json.dumps({"ticket": id_, "number": number, "service": "pension", "window": 3, "zone": "f1"})
        happened += [(taken + phase * 240_000 + nth % 7, day, type_, id_, data) for phase, type_ in enumerate(LIFE)]
    with books.database.writing.begin() as connection:
        connection.exec_driver_sql(TICKET_SQL, tickets)
        connection.exec_driver_sql(EVENT_SQL, sorted(happened))


def test_a_moment_of_a_full_day_is_quick(play: Played) -> None:
    """2,000 tickets on that day and the one before; in seconds of this process, whatever else runs."""
    for day in ("2026-03-01", "2026-03-02"):
        fill(play.books, day, 2_000)
    at = midnight(play.books.hall, "2026-03-02") + 15 * HOUR_MS
    began_s = time.process_time()
    found = then(play, at)
    assert time.process_time() - began_s < 0.1
    assert found.lines[0].waiting == found.crowd[0] == 33  # eight minutes each, one every 15 s
    assert found.seq > 20_000
