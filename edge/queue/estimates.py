"""How long people are told that they wait: the outlook shared by all who ask, its words, and what came of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import fmean
from typing import Any, NamedTuple

from edge.clock import Clock, Now, rfc3339
from edge.database import Database, Session
from edge.hall import Hall
from edge.journal import Journal
from edge.queue import forecast, learning
from edge.queue.forecast import Estimate, Expected, Unsaid
from edge.queue.outlook import Outlook, Place, expected, make
from edge.statements import Statements

View = dict[str, Any]

OLD_MS = 5_000
"""Time alone changes a forecast after so long."""
SHARED_MS = 2_000
"""Where many ask, an outlook is shared for so long although the queue has moved,"""
FEW = 10
"""unless no more wait than these: for them it is soon made, and one visitor more matters."""
SAID_MS = 60_000
"""What was told at the issue holds for so long: the kiosk, the slip and the message agree."""


class Forecasts:
    """The newest outlook. It is made when somebody asks and the queue has moved, and never in a transaction."""

    def __init__(self, database: Database, journal: Journal, clock: Clock, hall: Callable[[], Hall]) -> None:
        self._database, self._journal, self._clock, self._hall = database, journal, clock, hall
        self._residuals: forecast.Residuals = {}
        self._learnt: forecast.Residuals = {}
        self._read_to = 0
        self._means: dict[str, float] = {}
        self._day = ""
        self._newest: Outlook | None = None
        self._making, self._keeping = threading.Lock(), threading.Lock()
        self._kept: dict[object, tuple[object, bytes]] = {}

    @property
    def newest(self) -> Outlook:
        """As it is, for whoever is inside a transaction."""
        return self._newest or self.fresh()

    def fresh(self) -> Outlook:
        """As of now, or of a moment ago where many ask. Whoever finds it being made takes the one before."""
        now, seq = self._clock.now(), self._journal.last
        found = self._newest
        if found is not None and not self._is_due(found, now, seq):
            return found
        if not self._making.acquire(blocking=found is None):
            return found or self.newest
        try:
            with self._database.read() as connection:
                if now.day != self._day:
                    self._learn(connection, now.day)
                made = make(connection, self._hall(), now, seq, self._means, self._residuals)
            self._newest = made
            return made
        finally:
            self._making.release()

    def _is_due(self, outlook: Outlook, now: Now, seq: int) -> bool:
        age = now.at - outlook.at
        if not 0 <= age < OLD_MS or outlook.day != now.day:
            return True
        if seq == outlook.seq:
            return False
        return age >= SHARED_MS or outlook.waiting <= FEW

    def learn(self) -> None:
        """Takes over what `learning.learn` has stored."""
        with self._making, self._database.read() as connection:
            self._learn(connection, self._clock.now().day)

    def _learn(self, connection: Statements, day: str) -> None:
        self._means, self._day = learning.mean_s(connection, self._hall(), day), day
        new = learning.errors(connection, self._read_to)
        for seq, guess, actual in new:
            forecast.learn(self._learnt, guess, actual)
            self._read_to = seq
        if new:
            self._residuals = learning.in_order(self._learnt)

    def once(self, name: object, moment: object, make: Callable[[], bytes]) -> bytes:
        """What `make` returns, made once for all who ask by this name at this moment; one moment of each is kept."""
        with self._keeping:
            found = self._kept.get(name)
            if found is None or found[0] != moment:
                found = self._kept[name] = moment, make()
            return found[1]


# ---- what is told


class Waits(NamedTuple):
    """A waiting ticket's row; times are UTC, milliseconds."""

    place: Place
    taken_at: int
    told: Estimate | None
    """At its issue, if it was not called since."""


Tell = Callable[[Waits], View]


def teller(outlook: Outlook, at: int) -> Tell:
    """How long it still takes, for one ticket after the other."""

    def tell(it: Waits) -> View:
        if it.told is not None and 0 <= at - it.taken_at < SAID_MS:
            return view(it.told, outlook, at, it.place)
        return view(_estimate(outlook, expected(outlook, it.place, at)), outlook, at, it.place)

    return tell


def promiser(session: Session, outlook: Outlook, at: int) -> Tell:
    """As `teller`; what is told at the issue is kept with the ticket, so that it can be learnt from."""

    def tell(it: Waits) -> View:
        if it.told is not None or it.taken_at != at:
            return teller(outlook, at)(it)
        guess = expected(outlook, it.place, at)
        told = _estimate(outlook, guess)
        if isinstance(guess, Expected) and isinstance(told, Estimate):
            values = (guess.rollout, guess.by_mean, told.low, told.minutes, told.high, it.place.ticket)
            session.connection.exec_driver_sql(PROMISE_SQL, values)
        return view(told, outlook, at, it.place)

    return tell


PROMISE_SQL = (
    "UPDATE ticket SET expected=?, by_mean=?, told_low=?, told_minutes=?, told_high=? WHERE id=? AND expected IS NULL"
)


def of_line(outlook: Outlook, line: str, ahead: int, at: int) -> View:
    """For who would join this line now, behind so many."""
    place = Place("", line, outlook.rank, ahead)
    return view(_estimate(outlook, expected(outlook, place, at)), outlook, at, place)


def _estimate(outlook: Outlook, guess: Expected | Unsaid) -> Estimate | Unsaid:
    return forecast.readable(forecast.spread(outlook.residuals, guess)) if isinstance(guess, Expected) else guess


def view(it: Estimate | Unsaid, outlook: Outlook, at: int, place: Place) -> View:
    """`{low, high, minutes, words, words_en}`; without numbers where nothing can be said. Over a break it says so,
    unless a window serves this line meanwhile.
    """
    words, words_en = forecast.words(it)
    known, recess = isinstance(it, Estimate), outlook.recess
    rests = place.sent or place.service not in outlook.lines or outlook.lines[place.service].rests
    if isinstance(it, Estimate) and rests and recess is not None and at + it.high * 60_000 > recess.begins:
        words, words_en = f"{words}，{recess.words}", f"{words_en}, {recess.words_en}"
    numbers = {each: getattr(it, each) if known else None for each in ("low", "high", "minutes")}
    return numbers | {"words": words, "words_en": words_en}


# ---- what came of it

CAME_SQL = """
SELECT t.number, coalesce(t.visit, t.service), t.taken_at, t.told_low, t.told_minutes, t.told_high,
  (p.end - t.taken_at) / 60000.0
FROM ticket t JOIN ticket_period p ON p.ticket = t.id
  AND p.seq = (SELECT min(seq) FROM ticket_period WHERE ticket = t.id) AND p.kind = 'waiting'
WHERE t.day = ? AND t.told_minutes IS NOT NULL AND t.called_at IS NOT NULL ORDER BY t.taken_at, t.id
"""
SHOWN = 300


class Came(NamedTuple):
    """A ticket that was called: minutes as told, and as they were."""

    number: str
    service: str
    taken_at: int
    low: int
    minutes: int
    high: int
    came: float


def today(connection: Statements, hall: Hall, outlook: Outlook, day: str) -> View:
    """Forecasts of this day's tickets against what came, in all and by service; the newest tickets one by one.

    `{day, count, inside, error_minutes, services: [{id, name, count, inside, error_minutes, mean_minutes}],
    tickets: [{number, service, taken_at, low, minutes, high, came}]}`. `inside` is a share; both it and the mean
    absolute error are null where nobody was called yet. `mean_minutes` is what a visitor takes a window, as learnt.
    """
    found = [Came._make(row) for row in connection.exec_driver_sql(CAME_SQL, (day,))]
    services = [
        {"id": each.id, "name": each.name}
        | _score([it for it in found if it.service == each.id])
        | {"mean_minutes": round(outlook.lines[each.line].mean_s / 60, 1)}
        for each in hall.services
    ]
    tickets = [
        it._asdict() | {"taken_at": rfc3339(it.taken_at, hall.zone_info), "came": round(it.came, 1)}
        for it in found[-SHOWN:]
    ]
    return {"day": day} | _score(found) | {"services": services, "tickets": tickets}


def _score(found: list[Came]) -> View:
    if not found:
        return {"count": 0, "inside": None, "error_minutes": None}
    inside = fmean(it.low <= it.came <= it.high for it in found)
    error = fmean(abs(it.came - it.minutes) for it in found)
    return {"count": len(found), "inside": round(inside, 3), "error_minutes": round(error, 1)}
