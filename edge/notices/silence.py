"""Hall screens whose browser keeps them silent, as each says of itself with every leaf it asks for. In memory only."""

from __future__ import annotations

from dataclasses import dataclass, field

STEADY_MS = 10_000
"""A page that has just been opened may be touched, and then it sounds."""
FORGOTTEN_MS = 300_000
"""A leaf stands for two minutes at most: who has not asked for longer shows nothing any more."""


@dataclass(slots=True)
class Silence:
    _told: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """By zone and panel: since when, and when it last said so. UTC, milliseconds."""

    def tell(self, zone: str, panel: str, silent: bool, at: int) -> None:
        """`panel` tells pages of the same zone apart: one that sounds says nothing about another that does not."""
        for key, (_, last) in list(self._told.items()):  # requests are served in several threads
            if at - last > FORGOTTEN_MS:
                self._told.pop(key, None)
        if silent:
            self._told[zone, panel] = (self._told.get((zone, panel), (at, at))[0], at)
        else:
            self._told.pop((zone, panel), None)

    def zones(self, at: int) -> dict[str, int]:
        """Where a screen is silent, and since when."""
        found: dict[str, int] = {}
        for (zone, _), (since, last) in list(self._told.items()):  # requests are served in several threads
            if last - since >= STEADY_MS and at - last <= FORGOTTEN_MS:
                found[zone] = min(since, found.get(zone, since))
        return found
