"""What a ZKTeco terminal remembers, and its layouts: users, records, live events, sizes of its memory.

Small black-and-white terminals write 8 or 16 bytes a record and 28 a user; those with a colour screen 40 and 72; the
newest write 49 and say in their sizes that they have none. Source: public protocol notes and clients; what fills the 9
last bytes of 49 and the 20 of a long event is not known, here zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.terminal_people import biometric
from simulators.zkteco_packet import clock_of

STRIDES = (8, 16, 40, 49)
VERIFY = {"finger": 1, "card": 2, "face": 15}
DISABLED = 1
"""Bit of the privilege byte."""
CAPACITY, USER_CAPACITY = 3000, 1000


@dataclass(slots=True)
class User:
    uid: int
    number: str
    name: str
    card: int = 0
    privilege: int = 0
    group: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    uid: int
    number: str
    verify: int
    time: int
    """As on the wire; need not be in any calendar."""
    state: int


def user_size(stride: int) -> int:
    return 28 if stride < 40 else 72


def pack_user(user: User, size: int) -> bytes:
    name = user.name.encode("gbk", "replace")
    if size == 28:
        head = struct.pack("<HB5s8sI", user.uid, user.privilege, b"", name[:8], user.card)
        return head + struct.pack("<xBhI", user.group, 0, _whole(user.number))
    head = struct.pack("<HB8s24sIB", user.uid, user.privilege, b"", name[:23], user.card, user.group)
    return head + bytes(8) + user.number.encode()[:9].ljust(24, b"\0")


def unpack_user(data: bytes) -> User:
    """Raises ValueError for neither of the two sizes. A password is not kept."""
    if len(data) == 28:
        uid, privilege, name, card, group, _, number = struct.unpack("<HB5x8sIxBhI", data)
        return User(uid, str(number), _text(name), card, privilege, group)
    if len(data) != 72:
        raise ValueError(f"a user of {len(data)} bytes")
    uid, privilege, name, card, group, number = struct.unpack("<HB8x24sIB8x24s", data)
    return User(uid, _text(number), _text(name), card, privilege, group)


def pack_record(record: Record, stride: int) -> bytes:
    if stride == 8:
        return struct.pack("<HBIB", record.uid, record.verify, record.time, record.state)
    if stride == 16:
        return struct.pack("<IIBB2xI", _whole(record.number), record.time, record.verify, record.state, 0)
    who = record.number.encode()[:24]
    row = struct.pack("<H24sBIB", record.uid, who, record.verify, record.time, record.state)
    return (row + bytes.fromhex("00000000FF000000")).ljust(stride, b"\0")


def pack_event(record: Record, stride: int) -> bytes:
    """Of 10, 12, 32 or 52 bytes."""
    at = clock_of(record.time)
    when = bytes([at.year % 100, at.month, at.day, at.hour, at.minute, at.second])
    tail = bytes([record.verify, record.state]) + when
    if stride == 8:
        return struct.pack("<H", _whole(record.number) & 0xFFFF) + tail
    if stride == 16:
        return struct.pack("<I", _whole(record.number)) + tail
    return record.number.encode()[:24].ljust(24, b"\0") + tail + bytes(20 if stride == 49 else 0)


def pack_templates(users: Sequence[User]) -> bytes:
    rows = []
    for user in users:
        template = biometric(f"finger of {user.number}")
        rows.append(struct.pack("<HHBB", len(template) + 6, user.uid, 0, 1) + template)
    return b"".join(rows)


def pack_sizes(users: Sequence[User], records: int) -> bytes:
    """92 bytes."""
    words = [0] * 23
    words[4], words[6], words[8] = len(users), len(users), records
    words[12] = sum((user.privilege & 0x0E) != 0 for user in users)
    words[14:17] = USER_CAPACITY, USER_CAPACITY, CAPACITY
    words[17:20] = USER_CAPACITY - len(users), USER_CAPACITY - len(users), CAPACITY - records
    words[20], words[22] = len(users), USER_CAPACITY
    return struct.pack("<23I", *words)


def _whole(number: str) -> int:
    return int(number) & 0xFFFFFFFF if number.isascii() and number.isdigit() else 0


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("gbk", "replace")
