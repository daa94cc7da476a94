"""Wrong pairs of booking number and phone end: whoever guesses is stopped soon, at one number and at one place."""

from __future__ import annotations

from collections import deque

from edge.refusal import Refused

WINDOW_S = 600.0
PER_NUMBER, PER_PLACE = 5, 20


class Guesses:
    """Wrong pairs of booking number and phone end, of the last ten minutes. In memory: a restart forgives.

    A number that was guessed at too often is closed even to the right answer: else the answer would be told.
    """

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str, str]] = deque()

    def check(self, number: str, place: str, at: float) -> None:
        """`at` in monotonic seconds. Raises Refused (429)."""
        while self._wrong and self._wrong[0][0] <= at - WINDOW_S:
            self._wrong.popleft()
        of_number = sum(each[1] == number for each in self._wrong)
        of_place = sum(each[2] == place for each in self._wrong)
        if of_number >= PER_NUMBER or of_place >= PER_PLACE:
            raise Refused("too_many_guesses", "错误次数太多，请十分钟后再试，或到导办台办理", status=429)

    def wrong(self, number: str, place: str, at: float) -> None:
        self._wrong.append((at, number, place))
