"""The voice of this machine itself, which reads a page to whoever stands before it."""

from __future__ import annotations

from typing import Any, cast

from edge.devices.hub import driver_class


def reads_aloud() -> bool:
    """Whether this machine has a voice that can say any text."""
    can: bool = cast(Any, driver_class("voice")).reads()
    return can


async def read_aloud(text: str, *, english: bool) -> bytes | None:
    """The WAV file of a page that is read to somebody; None when this machine cannot."""
    sound: bytes | None = await cast(Any, driver_class("voice")).read(text, english=english)
    return sound
