"""How long it takes. Pure. Ahead times mean, shared among the windows open for it; always a range, never a promise."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """Minutes until the call."""

    low: int
    high: int
    minutes: int


def estimate(ahead: int, mean_minutes: float, windows: int) -> Estimate:
    """`windows` are those open for the service now; with none open, one is assumed to come back."""
    minutes = math.ceil(ahead * mean_minutes / max(1, windows))
    return Estimate(low=int(minutes * 0.7) // 5 * 5, high=math.ceil((minutes * 1.3 + 1) / 5) * 5, minutes=minutes)
