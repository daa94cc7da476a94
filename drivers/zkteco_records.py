"""Records of ZKTeco 4370 terminals: what their memory holds, what they tell as it happens, and whom they know.

The same record has a different length on different firmware, and nothing says which:

     8    uid 2 | verify | time 4 | state          or, on an MA300,    uid 2 | verify | state | time 4
    16    工号 4 | time 4 | verify | state | 2 | work code 4
    40    uid 2 | 工号 24 | verify | time 4 | state | 8                 49: and 9 more

    live  工号 2, 4 or 24 | verify | state | YY MM DD hh mm ss | 0, 4, 5 or 20 more
    user  uid 2 | privilege | password 5 or 8 | name 8 or 24 | card 4 | group and zones 4 or 9 | 工号 4 or 24

Source: adrobinoga/zk-protocol; fananimi/pyzk and its issues 139, 164, 166 and 187.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from drivers.base import Direction, Enrolled, Mode, Rejected
from drivers.zkteco_packets import local_time, unpack_time

MODES: Final[dict[int, Mode]] = {0: "password", 1: "fingerprint", 2: "card", 15: "face"}
DIRECTIONS: Final[dict[int, Direction]] = {0: "in", 1: "out", 2: "out", 3: "in", 4: "in", 5: "out"}
"""2 and 3 are a break's beginning and end, 4 and 5 those of overtime."""
STATES: Final = range(16)
NO_STATE: Final = 255
WORK_CODES: Final = 10**8
"""They have up to eight digits."""
FIRST_YEAR: Final = 2004
"""Zeros and small numbers read as dates before this; so does a clock that was without power."""


def ident(raw: bytes) -> str | None:
    """None unless it is printable ASCII, filled with zeros."""
    text = raw.split(b"\0", 1)[0].decode("latin-1").strip()
    return text if text and text.isascii() and text.isprintable() else None


# ---- attendance


@dataclass(frozen=True, slots=True)
class Record:
    person: str | int
    """工号, or as a number the terminal's own uid of the person."""
    clock: datetime
    verify: int
    state: int


@dataclass(frozen=True, slots=True)
class Layout:
    form: struct.Struct
    order: str
    """Which field is which: person, verify, time, state, work code."""
    key: slice
    """The bytes that tell a record from others."""

    @property
    def size(self) -> int:
        return self.form.size

    def read(self, raw: bytes) -> Record | None:
        """None for one without a person or a possible time."""
        fields = self._fields(raw)
        who, when = fields["p"], fields["t"]
        person = ident(who) if isinstance(who, bytes) else who
        clock = local_time(*when) if isinstance(when, bytes) else unpack_time(when)
        if not person or clock is None:
            return None
        # Two bytes are too few for 工号: they are a uid.
        person = str(person) if self.form.format[1] == "I" else person
        return Record(person, clock, fields["v"], fields["s"])

    def plausible(self, raw: bytes, *, counted: bool) -> bool:
        record, fields = self.read(raw), self._fields(raw)
        if record is None or not (record.state in STATES or record.state == NO_STATE):
            return False
        if fields["t"] == 0 or fields.get("w", 0) >= WORK_CODES:
            return False
        return counted or record.clock.year >= FIRST_YEAR

    def _fields(self, raw: bytes) -> dict[str, Any]:
        return dict(zip(self.order, self.form.unpack(raw), strict=True))


def _layout(form: str, order: str, key: slice = slice(None)) -> Layout:
    return Layout(struct.Struct(form), order, key)


MEMORY: Final = (
    _layout("<2x24sBIB8x", "pvts", slice(2, 32)),
    _layout("<2x24sBIB17x", "pvts", slice(2, 32)),
    _layout("<IIBB2xI", "ptvsw", slice(0, 10)),
    _layout("<HBIB", "pvts"),
    _layout("<HBBI", "pvst"),
)
SHORTEST: Final = 8
"""Of a record that has a uid and no 工号."""
LIVE: Final = tuple(
    _layout(form, "pvst")
    for form in ("<24sBB6s20x", "<24sBB6s5x", "<24sBB6s4x", "<24sBB6s", "<HBB6s4x", "<IBB6s", "<HBB6s")
)
SHORT_LIVE: Final = LIVE[3]


def live_records(data: bytes) -> list[Record] | None:
    """What one event says; None when nobody knows how to read it."""
    for layout in LIVE:
        if not data or len(data) % layout.size:
            continue
        raws = pieces(data, layout.size)
        if all(layout.plausible(raw, counted=True) for raw in raws):
            return [record for raw in raws if (record := layout.read(raw))]
    if len(data) > LIVE[0].size and (record := SHORT_LIVE.read(data[: SHORT_LIVE.size])):
        return [record]
    return None


# ---- which layout it is


class _Sized(Protocol):
    @property
    def size(self) -> int: ...

    def plausible(self, raw: bytes, *, counted: bool) -> bool: ...


Sized = TypeVar("Sized", bound=_Sized)
SAMPLE: Final = 200
ENOUGH: Final = 0.5


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def choose(layouts: Sequence[Sized], data: bytes, count: int) -> Sized | None:
    """The layout in which the dump, without its size, makes most sense; None when in none more than half of it does.

    `count` is what the terminal says there is: new firmware says 0 whatever there is, so it only adds weight.
    """
    best, most = None, ENOUGH
    for layout in layouts:
        if not data or len(data) % layout.size:
            continue
        counted = len(data) == layout.size * count
        step = max(1, len(data) // layout.size // SAMPLE) * layout.size
        sample = [data[at : at + layout.size] for at in range(0, len(data), step)]
        share = sum(layout.plausible(raw, counted=counted) for raw in sample) / len(sample) + counted / 4
        if share > most:
            best, most = layout, share
    return best


def body(dump: bytes) -> bytes:
    """A dump without the size at its head, and without what comes after that many bytes."""
    size = int.from_bytes(dump[:4], "little")
    return dump[4 : 4 + size] if 0 < size <= len(dump) - 4 else dump[4:]  # a size of 0 was seen before 38 records


# ---- where to go on


def bookmark(nth: int, record: Record, key: bytes) -> str:
    """Of the `nth` record in memory, from 1: its time for people, its place, and what it is known by."""
    return f"{record.clock.isoformat()}/{nth}/{zlib.crc32(key):08x}"


def after(keys: Sequence[bytes], mark: str) -> int:
    """How many records of memory come before what is new: none when the marked one is not there any more."""
    _, _, rest = mark.partition("/")
    place, _, known = rest.partition("/")
    if not place.isdecimal() or not known:
        return 0
    nth = int(place)
    if 0 < nth <= len(keys) and f"{zlib.crc32(keys[nth - 1]):08x}" == known:
        return nth
    # Some terminals make room by forgetting their oldest records.
    places = range(min(nth, len(keys)), 0, -1)
    return next((at for at in places if f"{zlib.crc32(keys[at - 1]):08x}" == known), 0)


# ---- people

DISABLED: Final = 0x01
GBK: Final = "gbk"
LONGEST_PERSON: Final = 9
"""Of a person that is new: longer ones were never seen written."""


@dataclass(frozen=True, slots=True)
class User:
    uid: int
    privilege: int
    password: bytes = field(repr=False)
    name: bytes = field(repr=False)
    card: int = field(repr=False)
    zones: bytes
    who: bytes | int

    @property
    def person(self) -> str | None:
        return ident(self.who) if isinstance(self.who, bytes) else str(self.who or "") or None

    def enrolled(self) -> Enrolled:
        """Of fingers and faces nothing is said: they are not read."""
        modes: list[Mode] = []
        if self.password.split(b"\0", 1)[0]:
            modes.append("password")
        if self.card:
            modes.append("card")
        return Enrolled(
            person=self.person or "",
            name=self.name.split(b"\0", 1)[0].decode(GBK, "replace"),
            enabled=not self.privilege & DISABLED,
            card=str(self.card or ""),
            modes=tuple(modes),
        )


@dataclass(frozen=True, slots=True)
class UserLayout:
    form: struct.Struct
    name_bytes: int
    zones: bytes
    """Group 1 and its hours, as a new person gets them."""

    @property
    def size(self) -> int:
        return self.form.size

    def read(self, raw: bytes) -> User:
        return User(*self.form.unpack(raw))

    def write(self, user: User) -> bytes:
        return self.form.pack(user.uid, user.privilege, user.password, user.name, user.card, user.zones, user.who)

    def plausible(self, raw: bytes, *, counted: bool) -> bool:
        user = self.read(raw)
        return user.uid > 0 and user.person is not None and user.privilege < 0x10


SHORT_USER: Final = UserLayout(struct.Struct("<HB5s8sI4sI"), 8, b"\0\1\0\0")
LONG_USER: Final = UserLayout(struct.Struct("<HB8s24sI9s24s"), 23, b"\1" + bytes(8))
USERS: Final = (LONG_USER, SHORT_USER)


def new_user(person: str, uid: int, layout: UserLayout) -> User:
    """Raises `Rejected("bad_person")` for one that the terminal has no room for."""
    who: bytes | int = person.encode("ascii", "replace")
    if layout is SHORT_USER:
        if not (person.isascii() and person.isdecimal() and 0 < int(person) < 2**32 and person == str(int(person))):
            raise Rejected("bad_person", "it is a number of up to 32 bits there")
        who = int(person)
    elif ident(person.encode("ascii", "ignore")) != person or len(person) > LONGEST_PERSON:
        raise Rejected("bad_person", f"it is up to {LONGEST_PERSON} letters and digits there")
    return User(uid, 0, b"", b"", 0, layout.zones, who)


def changed(user: User, wanted: Enrolled, layout: UserLayout) -> User:
    """With the name and the card that are given, and enabled or not; all else stays.

    A name is cut to what there is room for. Raises `Rejected("bad_card")` for one that is no number of 32 bits.
    """
    card = wanted.card or str(user.card)
    if not (card.isascii() and card.isdecimal() and int(card) < 2**32):
        raise Rejected("bad_card", "it is a number of up to 32 bits there")
    return replace(
        user,
        privilege=user.privilege & ~DISABLED if wanted.enabled else user.privilege | DISABLED,
        name=_cut(wanted.name, layout.name_bytes) if wanted.name else user.name,
        card=int(card),
    )


def _cut(name: str, room: int) -> bytes:
    kept = b""
    for letter in name:
        if len(kept) + len(letter.encode(GBK, "replace")) > room:
            break
        kept += letter.encode(GBK, "replace")
    return kept
