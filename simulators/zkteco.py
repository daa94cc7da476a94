"""A ZKTeco attendance terminal on TCP 4370; `simulators.zkteco_udp` is the same one on UDP. Not proven on hardware.

    client:   50 50 82 7D | length 4 | command 2, checksum 2, session 2, reply id 2 | data
    terminal: the same, with the reply id of the request; of a punch, unasked: command 500, session 1, reply id 0

A dialogue begins with CONNECT, and with AUTH when there is a commkey. There is one at a time. Whole tables are read
by 1503 and, when they are long, 1504 in chunks.

Source: captures of an F19 and of other terminals in public protocol notes, and the clients pyzk and js_zklib.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from simulators.port import Gone, Wire
from simulators.terminal_people import MODES, Clock, buttons, days, masked, switches
from simulators.terminal_picture import draw
from simulators.zkteco_packet import Deframer, Packet, build, prefixed, stamp
from simulators.zkteco_records import CAPACITY, STRIDES, VERIFY, Record, User
from simulators.zkteco_session import Memory, Session, enabled

NOISE = bytes.fromhex("FF323535 5050 00 5050827D FFFFFFFF 0D0A 50")
SPLIT_S = 0.001  # seconds between pieces
NO_SUCH_DAY = (26 * 372 + 1 * 31 + 30) * 86400  # 31 February 2026
SWITCHES = {
    "leaving": "按了下班键",
    "dead": "不应答",
    "split": "拆包",
    "coalesce": "粘包",
    "small_packets": "数据包很小",
    "session_zero": "数据包会话号为 0",
    "strict_ack": "未应答不再上报",
    "no_count": "记录数报 0",
    "odd_reply": "表外应答码",
}
ACTS = {
    "drop": "断开连接",
    "garbage": "发乱码",
    "burst": "三人同时打卡",
    "stranger": "陌生人",
    "corrupt": "坏日期记录",
    "week": "补一周记录",
    "fill": "存满",
}


class Terminal:
    """`punch` is what people do.

    Options: `commkey` (default 0: none), `stride` (bytes of a record: 8, 16, 40 or 49; default 40), `clock_off_s`
    (default 0).
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.clock = Clock(float(options.get("clock_off_s", 0)))
        self.on = dict.fromkeys(SWITCHES, False)
        stride = int(options.get("stride", 40))
        if stride not in STRIDES:
            raise ValueError(f"stride {stride}: it is one of {STRIDES}")
        self.on["no_count"] = stride == 49
        self.memory = Memory(device_id, int(options.get("commkey", 0)), stride, self.clock, self.on)
        self.greeted, self.words, self.trouble = "", "", False
        """What the screen says, and whether it is in red."""
        self._wires: set[Wire] = set()

    # ---- the wire

    async def talk(self, wire: Wire) -> None:
        turn = asyncio.Lock()

        async def send(packets: Sequence[Packet]) -> None:
            async with turn:
                await self._write(wire, packets)

        session, deframer = Session(self.memory, send), Deframer()
        self._wires.add(wire)
        try:
            while not session.over:
                for payload in deframer.feed(await wire.read()):
                    await self.hear(session, payload)
            await wire.close()
        except Gone:
            pass
        finally:
            session.leave()
            self._wires.discard(wire)

    async def hear(self, session: Session, payload: bytes) -> None:
        """Raises `Gone`."""
        if self.on["dead"] or session.over:
            return
        await session.send(session.answer(payload))
        await session.send(session.due())

    async def _write(self, wire: Wire, packets: Sequence[Packet]) -> None:
        """Raises `Gone`."""
        pieces = [prefixed(build(packet)) for packet in packets]
        if self.on["coalesce"]:
            pieces = [b"".join(pieces)] if pieces else []
        if self.on["split"]:
            pieces = [part for piece in pieces for part in self._split(piece)]
        for piece in pieces:
            await wire.write(piece)
            if self.on["split"]:
                await asyncio.sleep(SPLIT_S)

    def _split(self, piece: bytes) -> list[bytes]:
        cuts = sorted({self.memory.random.randrange(len(piece)) for _ in range(4)} - {0})
        return [piece[a:b] for a, b in zip([0, *cuts], [*cuts, len(piece)], strict=True)]

    # ---- what people do and see

    async def punch(self, number: str, mode: str) -> None:
        """`mode` is one of `terminal_people.MODES`."""
        self._record(number, mode)
        await self._tell()

    def _record(self, number: str, mode: str) -> None:
        user = next((each for each in self.memory.users.values() if each.number == number), None)
        refused = self._refusal(user)
        self.greeted, self.trouble = masked(user.name) if user else "", bool(refused)
        self.words = refused or f"{MODES[mode]}成功"
        if user is None or refused:
            return
        at = stamp(self.clock.local())
        record = Record(user.uid, user.number, VERIFY[mode], at, int(self.on["leaving"]))
        self.memory.records.append(record)
        if self.memory.holder is not None:
            self.memory.holder.tell(record)

    def _refusal(self, user: User | None) -> str:
        if self.memory.blocked:
            return "正在工作，请稍候"
        if user is None or not enabled(user):
            return "没有权限"
        return "记录已满" if len(self.memory.records) >= CAPACITY else ""

    async def _tell(self) -> None:
        holder = self.memory.holder
        if holder is not None and not self.on["dead"]:
            with contextlib.suppress(Gone):
                await holder.send(holder.due())

    async def _burst(self) -> None:
        for user in list(self.memory.users.values())[:3]:
            self._record(user.number, "face")
        await self._tell()

    async def _noise(self) -> None:
        for wire in list(self._wires):
            with contextlib.suppress(Gone):
                await wire.write(NOISE)

    async def drop(self) -> None:
        """Ends all connections."""
        for wire in list(self._wires):
            await wire.close()

    def remember(self, count: int) -> None:
        """Punches of the last `count` days are there, as if the terminal had been alone all the time."""
        users = {each.number: each for each in self.memory.users.values()}
        past = [
            Record(users[who.number].uid, who.number, VERIFY[mode], stamp(at), int(leaving))
            for at, who, mode, leaving in days(self.clock.local(), count)
            if who.number in users
        ]
        room = max(0, CAPACITY - len(self.memory.records))
        self.memory.records[:0] = past[max(0, len(past) - room) :]

    def controls(self) -> list[dict[str, Any]]:
        people = [(each.number, each.name) for each in self.memory.users.values()]
        acts: list[dict[str, Any]] = [{"name": name, "label": label} for name, label in ACTS.items()]
        return [*switches(SWITCHES, self.on), *acts, *buttons(people, self.clock)]

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name in SWITCHES:
            self.on[name] = not self.on[name]
            return None
        if name.startswith("punch:"):
            number, _, mode = name.removeprefix("punch:").rpartition(":")
            return self.punch(number, mode)
        if name.startswith("clock:"):
            self.clock.off_s = float(name[6:])
            return None
        return self._act(name)

    def _act(self, name: str) -> Awaitable[None] | None:
        if name == "corrupt":
            self.memory.records.append(Record(1, "1001", VERIFY["face"], NO_SUCH_DAY, 0))
        elif name in ("week", "fill"):
            self.remember(7 if name == "week" else CAPACITY // 20)
        elif name == "stranger":
            return self.punch("", "face")
        elif name == "burst":
            return self._burst()
        else:
            return self.drop() if name == "drop" else self._noise()
        return None

    def state(self) -> dict[str, Any]:
        holder = self.memory.holder
        return {
            "clock": self.clock.local().isoformat(),
            "clock_off_s": round(self.clock.off_s, 3),
            "users": len(self.memory.users),
            "records": len(self.memory.records),
            "stride": self.memory.stride,
            "connected": holder is not None,
            "live": holder is not None and bool(holder.mask),
            "unacknowledged": holder.unacknowledged if holder is not None else 0,
            "words": self.words,
        }

    def picture(self) -> str:
        return draw(
            f"ZKTeco {self.memory.stride} 字节记录",
            self.clock.local(),
            online=self.memory.holder is not None,
            dead=self.on["dead"],
            person=self.greeted,
            words=self.words,
            trouble=self.trouble,
        )


SIMULATOR = Terminal
