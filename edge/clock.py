"""Time as the hall knows it: aware UTC kept as integer milliseconds, and a business day that never goes back.

Time is always passed in as a `Now`, never taken. Durations come from the monotonic clock.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

MADE_AT = 1_767_225_600_000
"""2026-01-01: a machine that shows less has no battery, and no time server yet."""
STEP_BACK_MS = 2_000
"""How far the wall clock may go back before its times are marked as doubtful."""


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of the clock."""

    at: int
    """UTC, milliseconds since 1970."""
    day: str
    """The business day, `2026-11-22`; never earlier than one seen before."""
    ok: bool = True
    """False while the wall clock stands behind a time already seen."""


class Clock:
    """Reads the wall clock and keeps what was seen, so that a step back is noticed and the day stays."""

    def __init__(self, zone: ZoneInfo, wall: Callable[[], float] = time.time) -> None:
        self._zone, self._wall = zone, wall
        self._latest_at = MADE_AT
        self._latest_day = ""
        self._minute = -1

    def seen(self, at: int, day: str) -> None:
        """What the journal last held: the clock starts from there after a restart."""
        self._latest_at = max(self._latest_at, at)
        self._latest_day = max(self._latest_day, day)

    def now(self) -> Now:
        at = int(self._wall() * 1000)
        ok = at >= self._latest_at - STEP_BACK_MS
        minute = at // 60_000
        # No zone's midnight is inside a minute.
        self.seen(at, "" if minute == self._minute else local(at, self._zone).strftime("%Y-%m-%d"))
        self._minute = minute
        return Now(at, self._latest_day, ok)


def local(at: int, zone: ZoneInfo) -> datetime:
    """Milliseconds as the hall's local time."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


@functools.lru_cache(maxsize=4096)
def rfc3339(at: int | None, zone: ZoneInfo) -> str | None:
    """`2026-11-22T09:05:00.123+08:00`, or None."""
    return None if at is None else local(at, zone).isoformat(timespec="milliseconds")
