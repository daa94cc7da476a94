"""Which level of approval a leave of so many days falls in; gaps and overlaps of the levels, and what settles them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from edge.attendance.profile import Clause, Level, Profile


def level_for(profile: Profile, days: float) -> tuple[Level, Clause]:
    """In a gap the next level up, in an overlap the higher one; the loader refuses levels that do not say so."""
    levels = list(enumerate(profile.leave.levels, 1))
    holding = [each for each in levels if _holds(each[1], days)]
    nth, level = holding[-1] if holding else next(each for each in levels if each[1].min_days >= days)
    return level, profile.clause(f"leave.levels.{nth}", level.source)


def _holds(level: Level, days: float) -> bool:
    above = days > level.min_days or (level.min_inclusive and days == level.min_days)
    below = level.max_days is None or days < level.max_days or (level.max_inclusive and days == level.max_days)
    return above and below


def ladder_faults(profile: Profile) -> Iterator[tuple[str, str, bool]]:
    """Gaps and overlaps of the leave levels: (what, the key that settles it, whether it does)."""
    leave = profile.leave
    up, higher = leave.gap_policy == "next_level_up", leave.overlap_policy == "higher_level"
    first, last = leave.levels[0], leave.levels[-1]
    if first.min_days > 0:
        yield f"no level for less than {first.min_days:g} days", "gap_policy", up
    for below, above in pairwise(leave.levels):
        if below.max_days is None or below.max_days > above.min_days:
            yield f"levels overlap from {above.min_days:g} days on", "overlap_policy", higher
        elif below.max_days < above.min_days:
            yield f"no level between {below.max_days:g} and {above.min_days:g} days", "gap_policy", up
        elif below.max_inclusive and above.min_inclusive:
            yield f"exactly {above.min_days:g} days falls in two levels", "overlap_policy", higher
        elif not below.max_inclusive and not above.min_inclusive:
            yield f"exactly {above.min_days:g} days falls in no level", "gap_policy", up
    if last.max_days is not None:
        yield f"no level for more than {last.max_days:g} days", "gap_policy", False
