"""How much windows can do by a moment: over a break that some of them serve, and until the last one goes. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

from edge.queue.forecast import Desk


class Work(NamedTuple):
    """What the windows of a line can do: from each of these times on (seconds) so many are on, after so much work."""

    times: tuple[float, ...]
    rates: tuple[int, ...]
    sums: tuple[float, ...]
    """Window-seconds."""

    def done(self, time: float) -> float:
        """The window-seconds until this time."""
        nth = bisect_right(self.times, time) - 1
        return self.sums[nth] + self.rates[nth] * (time - self.times[nth]) if nth >= 0 else 0.0

    def moment(self, done: float) -> float | None:
        """The other way round: when more than that can be done; None: not as far as is known."""
        nth = bisect_right(self.sums, max(0.0, done)) - 1
        if nth < 0 or not self.rates[nth]:
            return None
        return self.times[nth] + (max(0.0, done) - self.sums[nth]) / self.rates[nth]


def work(desks: Iterable[Desk]) -> Work:
    """What these windows can do, as far as their attendance is known."""
    steps = Counter[float]()
    for start, end in chain.from_iterable(desk.on for desk in desks):
        steps[max(0.0, start)] += 1
        steps[end] -= 1
    times = sorted(each for each in steps if each < math.inf)
    rates = list(accumulate(steps[each] for each in times))
    spent = [rate * (after - before) for rate, (before, after) in zip(rates, pairwise(times), strict=False)]
    return Work(tuple(times), tuple(rates), tuple(accumulate(spent, initial=0.0))[: len(times)])
