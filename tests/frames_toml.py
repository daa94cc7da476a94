"""Golden frames: bytes that we did not make, from `tests/frames/<driver>.toml`, and the ways a line mangles them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

FOLDER = Path(__file__).parent / "frames"

Kind = Literal["capture", "manual", "stranger", "computed"]
Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Frame:
    name: str
    kind: Kind
    source: str
    direction: Direction
    """`out`: we send it; `in`: the device does."""
    raw: bytes
    means: dict[str, Any] = field(default_factory=dict)
    """What the bytes say, in words of the driver's own test."""

    def __str__(self) -> str:
        return self.name


def load(driver: str, direction: Direction | None = None) -> list[Frame]:
    """The frames of one driver, in file order; only those of `direction` when it is given.

    Raises `ValueError` for an unknown kind, direction or key, an empty field, or a name used twice.
    """
    tables = tomllib.loads((FOLDER / f"{driver}.toml").read_text("utf-8"))["frame"]
    frames = [_frame(dict(table)) for table in tables]
    names = [frame.name for frame in frames]
    if len(set(names)) != len(names):
        raise ValueError(f"{driver}: two frames have the same name")
    return [frame for frame in frames if direction in (None, frame.direction)]


def _frame(table: dict[str, Any]) -> Frame:
    table["raw"] = bytes.fromhex(table.pop("hex"))
    try:
        frame = Frame(**table)
    except TypeError as error:
        raise ValueError(f"{table}: {error}") from error
    if frame.kind not in get_args(Kind) or frame.direction not in get_args(Direction):
        raise ValueError(f"{frame.name}: unknown kind or direction")
    if not (frame.name and frame.source and frame.raw):
        raise ValueError(f"{frame.name}: name, source and hex may not be empty")
    return frame


def splits(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """The same bytes as a line may hand them over: whole, byte by byte, and cut in two at every point."""
    yield (data,)
    yield tuple(data[at : at + 1] for at in range(len(data)))
    for at in range(1, len(data)):
        yield data[:at], data[at:]


def noisy(data: bytes, noise: Iterable[bytes]) -> Iterator[bytes]:
    """The frame once, with each piece of noise before it, after it, and on both sides."""
    for junk in noise:
        yield junk + data
        yield data + junk
        yield junk + data + junk
