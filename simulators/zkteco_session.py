"""One client's dialogue with a ZKTeco terminal, whatever carries it, and the memory that all dialogues share.

Source: public captures and clients. Where they say nothing: a request before CONNECT or AUTH gets 2005, one with a
wrong checksum or another session 2001, and so does the CONNECT of a second client, which is then hung up on.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from simulators.terminal_people import PEOPLE, Clock
from simulators.zkteco_packet import Bad, Packet, clock_of, opened, proof, stamp
from simulators.zkteco_records import (
    DISABLED,
    Record,
    User,
    pack_event,
    pack_record,
    pack_sizes,
    pack_templates,
    pack_user,
    unpack_user,
    user_size,
)

CONNECT, EXIT, ENABLE, DISABLE, RESTART, POWER_OFF, VERSION, AUTH = 1000, 1001, 1002, 1003, 1004, 1005, 1100, 1102
PREPARE, DATA, FREE, BUFFERED, CHUNK = 1500, 1501, 1502, 1503, 1504
WRITE_USER, READ_USERS, READ_OPTION, WRITE_OPTION, READ_LOG, CLEAR_DATA, CLEAR_LOG, DELETE_USER = (
    *(8, 9, 11, 12, 13, 14),
    *(15, 18),
)
READ_DATA, READ_OPLOG, SIZES, STATE, PIN_WIDTH, TEMPLATE, GET_TIME, SET_TIME, EVENTS = (
    7,
    34,
    50,
    64,
    69,
    88,
    201,
    202,
    500,
)
OK, ERROR, UNAUTHORISED, UNKNOWN, ODD = 2000, 2001, 2005, 0xFFFF, 4989
OBEYED = {31, 57, 60, 62, 66, 67, 75, 79, 1013, 1014, 1017}
"""Commands for the screen, the door and the flash: acknowledged, and nothing comes of it."""
PUNCHES = 1
"""Bit of the mask of events, and the code of the event."""
USERS = 5
SMALL = 1000  # bytes that are answered at once
TCP_CHUNK, UDP_CHUNK = 0xFFC0, 16 * 1024
UDP_PIECE, SMALL_PIECE, BIG_PIECE = 1024, 0x3F0, 0xFFF8
UDP_IDLE = 30.0  # seconds after which another client may take over


@dataclass(slots=True)
class Memory:
    device_id: str
    key: int
    """The commkey (通讯密码); 0 for none."""
    stride: int
    clock: Clock
    on: dict[str, bool]
    """The switches of the page."""
    users: dict[int, User] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    holder: Session | None = None
    blocked_until: float | None = None
    """Loop time until which nobody can punch, because the client asked for it."""
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.device_id)  # noqa: S311  session ids, not secrets
        self.users = {each.uid: User(each.uid, each.number, each.name, each.card) for each in PEOPLE}
        self.options = {
            "~SerialNumber": f"SIM{sum(self.device_id.encode()):08d}",
            "~DeviceName": "模拟考勤机",
            "~Platform": "ZEM760_TFT",
            "~OS": "1",
            "~ZKFPVersion": "10",
            "ZKFaceVersion": "7",
            "FaceFunOn": "1",
            "MAC": "00:17:61:00:00:01",
            "IPAddress": "127.0.0.1",
            "NetMask": "255.255.255.0",
            "GATEIPAddress": "127.0.0.1",
            "~PIN2Width": "9",
            "~ExtendFmt": "0",
            "~UserExtFmt": "0",
            "WorkCode": "0",
            "LockOn": "5",
        }

    @property
    def blocked(self) -> bool:
        return self.blocked_until is not None and asyncio.get_running_loop().time() < self.blocked_until

    def dump(self, command: int, what: int) -> bytes:
        """A whole table behind its length; `what` tells users from templates. Raises KeyError for no such table."""
        users = list(self.users.values())
        if command == READ_LOG:
            rows = b"".join(pack_record(each, self.stride) for each in self.records)
        elif command == READ_USERS and what == USERS:
            rows = b"".join(pack_user(each, user_size(self.stride)) for each in users)
        elif command in (READ_DATA, READ_USERS):
            rows = pack_templates(users)
        elif command == READ_OPLOG:
            rows = b""
        else:
            raise KeyError(command)
        return len(rows).to_bytes(4, "little") + rows


class Session:
    """`answer` takes a payload and gives what to say; `tell` and `due` are live events; `send` is how it is carried."""

    def __init__(self, memory: Memory, send: Callable[[list[Packet]], Awaitable[None]], *, udp: bool = False) -> None:
        self.send, self.udp = send, udp
        self.over = False
        """Nothing more is to be heard or said."""
        self.known = False
        self.mask = 0
        self.unacknowledged = 0
        """Packets of live events."""
        self._memory, self._id = memory, 0
        self._bulk = b""
        self._held: list[Record] = []
        self._heard_at = asyncio.get_running_loop().time()
        self._own = {
            ENABLE: self._enable,
            DISABLE: self._disable,
            BUFFERED: self._buffered,
            CHUNK: self._chunk,
            FREE: self._free,
            READ_OPTION: self._read_option,
            WRITE_OPTION: self._write_option,
            WRITE_USER: self._write_user,
            DELETE_USER: self._delete_user,
            GET_TIME: self._get_time,
            SET_TIME: self._set_time,
            EVENTS: self._events,
            CLEAR_LOG: self._clear_log,
            CLEAR_DATA: self._clear_data,
            TEMPLATE: self._template,
            VERSION: self._version,
            SIZES: self._sizes,
            STATE: self._state,
            PIN_WIDTH: self._pin_width,
        }

    def answer(self, payload: bytes) -> list[Packet]:
        self._heard_at = asyncio.get_running_loop().time()
        try:
            asked = opened(payload)
        except Bad as bad:
            return [Packet(ERROR, self._id, bad.reply_id)]
        if asked.command == OK:
            self.unacknowledged = 0
            return []
        if asked.command == CONNECT:
            return self._connect(asked)
        if self._memory.holder is not self:
            return self._reply(asked, UNAUTHORISED)
        if asked.session != self._id:
            return self._reply(asked, ERROR)
        if asked.command == AUTH:
            self.known = self.known or self._proven(asked.data)
            return self._reply(asked, OK if self.known else UNAUTHORISED)
        return self._obey(asked) if self.known else self._reply(asked, UNAUTHORISED)

    def _connect(self, asked: Packet) -> list[Packet]:
        holder = self._memory.holder
        if holder not in (None, self) and not holder.stale:
            self.over = not self.udp
            return self._reply(asked, ERROR)
        if holder is not None:
            holder.leave()
        self._memory.holder, self.over = self, False
        self._id = self._memory.random.randrange(1, 0x10000)
        self.known = not self._memory.key
        return self._reply(asked, OK if self.known else UNAUTHORISED)

    @property
    def stale(self) -> bool:
        return self.udp and asyncio.get_running_loop().time() - self._heard_at > UDP_IDLE

    def _proven(self, data: bytes) -> bool:
        return len(data) == 4 and data == proof(self._memory.key, self._id, data[2])

    def leave(self) -> None:
        self.over, self.known, self.mask, self._id = True, False, 0, 0
        self._held.clear()
        if self._memory.holder is self:
            self._memory.holder, self._memory.blocked_until = None, None

    def _obey(self, asked: Packet) -> list[Packet]:
        if asked.command in (EXIT, POWER_OFF, RESTART):
            said = [] if asked.command == RESTART else self._reply(asked, OK)
            self.leave()
            return said
        if asked.command in OBEYED:
            return self._reply(asked, OK)
        if asked.command in (READ_LOG, READ_USERS, READ_DATA, READ_OPLOG):
            body = self._memory.dump(asked.command, asked.data[0] if asked.data else USERS)
            return [self._data(asked, body)] if len(body) <= SMALL else self._pieces(asked, body)
        own = self._own.get(asked.command)
        if own is None:
            return self._reply(asked, UNKNOWN)
        try:
            return own(asked)
        except (ValueError, KeyError, struct.error):
            return self._reply(asked, ERROR)

    def _reply(self, asked: Packet, code: int, data: bytes = b"") -> list[Packet]:
        return [Packet(code, self._id, asked.reply_id, data)]

    # ---- tables, in bulk

    def _data(self, asked: Packet, body: bytes) -> Packet:
        return Packet(DATA, 0 if self._memory.on["session_zero"] else self._id, asked.reply_id, body)

    def _buffered(self, asked: Packet) -> list[Packet]:
        _, command, what, _ = struct.unpack("<BHII", asked.data)
        body = self._memory.dump(command, what)
        if len(body) <= SMALL:
            return [self._data(asked, body)]
        self._bulk = body
        return self._reply(asked, OK, struct.pack("<BII4x", 0, len(body), len(body)))

    def _chunk(self, asked: Packet) -> list[Packet]:
        start, size = struct.unpack("<II", asked.data)
        if not 0 < size <= (UDP_CHUNK if self.udp else TCP_CHUNK) or start + size > len(self._bulk):
            raise ValueError("no such chunk")
        return self._pieces(asked, self._bulk[start : start + size])

    def _pieces(self, asked: Packet, body: bytes) -> list[Packet]:
        limit = SMALL_PIECE if self.udp or self._memory.on["small_packets"] else BIG_PIECE
        step = UDP_PIECE if self.udp else limit
        said = self._reply(asked, PREPARE, struct.pack("<II", len(body), limit))
        said += [self._data(asked, body[at : at + step]) for at in range(0, len(body), step)]
        return said + self._reply(asked, OK)

    def _free(self, asked: Packet) -> list[Packet]:
        self._bulk = b""
        return self._reply(asked, OK)

    # ---- the rest, by command. These raise ValueError, KeyError or struct.error for what gets 2001

    def _enable(self, asked: Packet) -> list[Packet]:
        self._memory.blocked_until = None
        return self._reply(asked, OK)

    def _disable(self, asked: Packet) -> list[Packet]:
        seconds = struct.unpack("<I", asked.data)[0] if asked.data else float("inf")
        self._memory.blocked_until = asyncio.get_running_loop().time() + seconds
        return self._reply(asked, OK)

    def _read_option(self, asked: Packet) -> list[Packet]:
        key = asked.data.partition(b"\0")[0].decode("ascii")
        return self._reply(asked, OK, f"{key}={self._memory.options[key]}\0".encode("gbk"))

    def _write_option(self, asked: Packet) -> list[Packet]:
        key, _, value = asked.data.partition(b"\0")[0].decode("gbk").partition("=")
        self._memory.options[key] = value
        return self._reply(asked, ODD if self._memory.on["odd_reply"] else OK)

    def _write_user(self, asked: Packet) -> list[Packet]:
        user = unpack_user(asked.data)
        self._memory.users[user.uid] = user
        return self._reply(asked, OK)

    def _delete_user(self, asked: Packet) -> list[Packet]:
        del self._memory.users[struct.unpack_from("<H", asked.data)[0]]
        return self._reply(asked, OK)

    def _get_time(self, asked: Packet) -> list[Packet]:
        return self._reply(asked, OK, struct.pack("<I", stamp(self._memory.clock.local())))

    def _set_time(self, asked: Packet) -> list[Packet]:
        self._memory.clock.set(clock_of(struct.unpack("<I", asked.data)[0]))
        return self._reply(asked, OK)

    def _events(self, asked: Packet) -> list[Packet]:
        self.mask = struct.unpack("<I", asked.data)[0]
        self.unacknowledged = 0
        return self._reply(asked, OK)

    def _clear_log(self, asked: Packet) -> list[Packet]:
        self._memory.records.clear()
        return self._reply(asked, OK)

    def _clear_data(self, asked: Packet) -> list[Packet]:
        self._memory.users.clear()
        return self._clear_log(asked)

    def _template(self, asked: Packet) -> list[Packet]:
        user = self._memory.users[struct.unpack_from("<H", asked.data)[0]]
        return [self._data(asked, pack_templates([user])[6:])]

    def _version(self, asked: Packet) -> list[Packet]:
        return self._reply(asked, OK, b"Ver 6.60 Jun 25 2018\0")

    def _sizes(self, asked: Packet) -> list[Packet]:
        count = 0 if self._memory.on["no_count"] else len(self._memory.records)
        return self._reply(asked, OK, pack_sizes(list(self._memory.users.values()), count))

    def _state(self, asked: Packet) -> list[Packet]:
        return [Packet(OK, 2, asked.reply_id)]

    def _pin_width(self, asked: Packet) -> list[Packet]:
        return self._reply(asked, OK, bytes([9]))

    # ---- live events

    def tell(self, record: Record) -> None:
        if self.known and self.mask & PUNCHES:
            self._held.append(record)

    def due(self) -> list[Packet]:
        """What was told, in one packet; with the switch, nothing before the last one was acknowledged."""
        if not self._held or (self._memory.on["strict_ack"] and self.unacknowledged):
            return []
        data = b"".join(pack_event(each, self._memory.stride) for each in self._held)
        self._held.clear()
        self.unacknowledged += 1
        return [Packet(EVENTS, PUNCHES, 0, data)]


def enabled(user: User) -> bool:
    return not user.privilege & DISABLED
