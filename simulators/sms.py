"""A GSM modem (短信猫) on a serial line: what a host gives it in PDU mode arrives on a telephone that can be looked at.

    host   AT+CMGS=<octets of the TPDU> CR           modem   CR LF > space
    host   <PDU as hex> 1A        (1B: drop it)      modem   CR LF +CMGS: <reference> CR LF CR LF OK CR LF
    later  CR LF +CDS: <octets of the TPDU> CR LF <PDU as hex> CR LF, when the message and CNMI ask for it

Everything typed is echoed until ATE0. Other commands are answered in `sms_at.py`, PDUs are read in `sms_pdu.py`.
Source: 3GPP TS 27.005 and 23.040, and what common hosts send. Chosen here: a message takes `AIR` to the network and
`DELIVERY` more to the telephone, power-up takes `BOOT`, in which the modem is deaf, and ends with RDY.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from simulators.port import Gone, Wire
from simulators.sms_at import BAD_PDU, HOME, NO_NETWORK, NO_SIGNAL, NO_SMSC, SMSC, WORDS, Mobile, Refused, commands
from simulators.sms_faults import FAILURES, SendingFaults, mobile_switches, throw_mobile
from simulators.sms_pdu import (
    CHINA,
    LONGEST_SMSC,
    LONGEST_TPDU,
    Malformed,
    Submit,
    read_submit,
    split,
    write_deliver,
    write_smsc,
    write_status_report,
)
from simulators.sms_phone import Phone, Sent
from simulators.sms_picture import modem_and_phone

CR, BACKSPACE, CTRL_Z, ESCAPE = 0x0D, 0x08, 0x1A, 0x1B
AIR, DELIVERY, BOOT = 0.2, 1.0, 3.0  # seconds
LONGEST_LINE, LONGEST_ENTRY = 556, 2 * (LONGEST_SMSC + LONGEST_TPDU)
KEPT, TOLD = 200, 20
ARRIVED, NOT_OBTAINABLE = 0x00, 0x43
ACTIONS = {"power_cycle": "断电重启", "ring": "来电", "receive": "收到短信"}


class PowerCut(Exception):
    """What the modem was about to do is forgotten."""


class Modem:
    """`pin` is the SIM's, "1234" without that option; it is asked for when `mobile.lock` or the page says so.

    A second host on TCP is heard too, as on a serial server; what the modem says goes to the last one.
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.mobile = Mobile(str(options.get("pin", "1234")))
        self.faults = SendingFaults()
        self.phone = Phone()
        self.sent: deque[Sent] = deque(maxlen=KEPT)
        """Every CMGS that succeeded, oldest first."""
        self.refused: deque[str] = deque(maxlen=KEPT)
        """Why a CMGS did not."""
        self._reference = 0
        self._line = bytearray()
        self._entry: bytearray | None = None
        """The hex digits after the prompt; None when the host types commands."""
        self._announced = 0
        self._hosts: list[asyncio.Queue[bytes]] = []
        """What each that listens has yet to hear, the latest host last."""
        self._busy = asyncio.Lock()
        self._cut = asyncio.Event()
        self._waking: asyncio.TimerHandle | None = None

    @property
    def registered(self) -> bool:
        """Whether messages go out and come in."""
        return self._waking is None and self.mobile.registration == HOME

    @property
    def texts(self) -> list[tuple[str, str]]:
        """(number, text) of what came whole, oldest first."""
        return [(each.number, each.text) for each in self.phone.messages if each.state != "partial"]

    # ---- the wire

    async def talk(self, wire: Wire) -> None:
        outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._hosts.append(outbox)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_write(wire, outbox))
                both.create_task(self._listen(wire))
        except* Gone:
            pass
        finally:
            self._hosts.remove(outbox)

    async def _listen(self, wire: Wire) -> None:
        while True:
            data = await wire.read()
            async with self._busy:
                with contextlib.suppress(PowerCut):
                    await self._take(data)

    async def _take(self, data: bytes) -> None:
        """Raises `PowerCut`."""
        for byte in data:
            if self._waking is not None:
                return
            await (self._type(byte) if self._entry is None else self._enter(self._entry, byte))

    def say(self, line: str) -> None:
        """A line that the host may not have asked for; lost when there is none."""
        self._put(f"\r\n{line}\r\n")

    def _put(self, text: str) -> None:
        if self._hosts and self._waking is None:
            self._hosts[-1].put_nowait(text.encode("latin-1"))

    async def _pause(self, seconds: float) -> None:
        """Raises `PowerCut`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._cut.wait()
                raise PowerCut

    # ---- commands

    async def _type(self, byte: int) -> None:
        if self.mobile.echo:
            self._put(chr(byte))
        if byte == BACKSPACE:
            del self._line[-1:]
        elif byte >= 0x20 and len(self._line) <= LONGEST_LINE:
            self._line.append(byte)
        elif byte == CR:
            line = self._line.decode("latin-1")
            self._line.clear()
            await self._execute(line)

    async def _execute(self, line: str) -> None:
        """What has no AT in it is no command line. The first command that fails ends the line."""
        start = line.upper().find("AT")
        if start < 0:
            return
        said: list[str] = []
        try:
            if len(line) > LONGEST_LINE:
                raise Refused
            for name, argument in commands(line[start + 2 :]):
                if name == "+CMGS" and argument != "=?":
                    await self._prompt(argument)
                    return
                said.append("\r\n".join(self.mobile.obey(name, argument)))
        except Refused as why:
            self._answer(said, self._word(why))
        else:
            self._answer(said, "OK")

    def _answer(self, lines: list[str], result: str) -> None:
        """A command that has nothing to say has an empty line."""
        if self.faults.chatter:
            lines = ["RING", *lines, '+CMTI: "SM",1']
        for line in filter(None, [*lines, result]):
            self.say(line)

    def _word(self, why: Refused) -> str:
        """CMEE decides what is said of a CME error; the codes of CMS are always told."""
        detail = self.mobile.settings["+CMEE"]
        if not why.kind or (why.kind == "CME" and detail == "0"):
            return "ERROR"
        words = WORDS.get(why.code) if why.kind == "CME" and detail == "2" else None
        return f"+{why.kind} ERROR: {words or why.code}"

    # ---- sending

    async def _prompt(self, argument: str) -> None:
        self._announced = self.mobile.announced(argument)
        self._entry = bytearray()
        if self.faults.prompt_after is None:
            return
        await self._pause(self.faults.prompt_after)
        if self.faults.chatter:
            self.say("RING")
        self._put("\r\n> ")

    async def _enter(self, entry: bytearray, byte: int) -> None:
        if byte == ESCAPE:
            self._entry = None
            self._answer([], "OK")
        elif byte == CTRL_Z:
            self._entry = None
            await self._send(entry.decode("latin-1"))
        else:
            if self.mobile.echo:
                self._put(chr(byte))
            if byte >= 0x20 and len(entry) <= LONGEST_ENTRY:
                entry.append(byte)

    async def _send(self, entry: str) -> None:
        lines, result = [], "OK"
        try:
            lines = [f"+CMGS: {await self._transmit(entry)}"]
        except Refused as why:
            self.refused.append(str(why))
            result = self._word(why)
        await self._pause(self.faults.answer_after)
        self._answer(lines, result)

    async def _transmit(self, entry: str) -> int:
        """The reference that the network knows the message by. Raises `Refused`."""
        submit = self._check(entry)
        await self._pause(AIR)
        self.mobile.need_sim("CMS")
        if not self.registered:
            raise Refused("CMS", NO_NETWORK)
        self.faults.fail()
        self._reference = (self._reference + 1) % 256
        sent = Sent(self._reference, submit, datetime.now(CHINA))
        self.sent.append(sent)
        self.phone.take(sent)
        asyncio.get_running_loop().call_later(DELIVERY, self._deliver, sent)
        return self._reference

    def _check(self, entry: str) -> Submit:
        """Raises `Refused`."""
        try:
            if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", entry):
                raise Malformed("no hex digits, or half an octet")
            smsc, tpdu = split(bytes.fromhex(entry))
            if len(tpdu) != self._announced:
                raise Malformed(f"{len(tpdu)} octets of TPDU where {self._announced} were announced")
            submit = read_submit(tpdu)
        except Malformed as why:
            raise Refused("CMS", BAD_PDU, str(why)) from why
        if not smsc and not self.mobile.smsc:
            raise Refused("CMS", NO_SMSC)
        return submit

    def _deliver(self, sent: Sent) -> None:
        sent.arrived = not self.faults.undelivered
        if not sent.submit.report or not self.mobile.notifies("report") or not self.registered:
            return
        status = ARRIVED if sent.arrived else NOT_OBTAINABLE
        discharged = sent.at + timedelta(seconds=DELIVERY)
        tpdu = write_status_report(sent.reference, sent.submit.destination, sent.at, discharged, status)
        self.say(f"+CDS: {len(tpdu)}\r\n{(write_smsc(SMSC) + tpdu).hex().upper()}")

    # ---- what people do

    def receive(self, number: str, text: str) -> None:
        """A message of at most 70 characters comes in, if the modem is on the network and its SIM has room."""
        if not self.registered:
            return
        tpdu = write_deliver(number, text, datetime.now(CHINA))
        index = self.mobile.store(write_smsc(SMSC) + tpdu, len(tpdu))
        if index is not None and self.mobile.notifies("message"):
            self.say(f'+CMTI: "SM",{index}')

    def power_cycle(self) -> None:
        """The line stays; echo, CMGF, CNMI and a message on its way to the network are forgotten."""
        if self._waking is not None:
            self._waking.cancel()
        self._cut.set()
        self._cut = asyncio.Event()
        self._line.clear()
        self._entry = None
        self.mobile.power_up()
        self._waking = asyncio.get_running_loop().call_later(BOOT, self._wake)

    def _wake(self) -> None:
        self._waking = None
        self.say("RDY")

    def controls(self) -> list[dict[str, Any]]:
        switches = mobile_switches(self.mobile) | self.faults.switches()
        failing = self.faults.fails_next
        return [
            *({"name": name, "label": label} for name, label in ACTIONS.items()),
            *({"name": name, "label": label, "on": on} for name, (label, on) in switches.items()),
            *(
                {"name": name, "label": f"{label} {name.upper()}", "on": failing == name, "group": "下一条出错"}
                for name, label in FAILURES.items()
            ),
        ]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        pressed = {each["name"]: not each.get("on", False) for each in self.controls()}
        on, before = pressed[name], self.mobile.registration
        if name in ACTIONS:
            self._act(name)
        elif name in mobile_switches(self.mobile):
            throw_mobile(self.mobile, name, on)
        else:
            self.faults.throw(name, on)
        if self.mobile.registration != before and self.mobile.tells_registration:
            self.say(f"+CREG: {self.mobile.registration}")

    def _act(self, name: str) -> None:
        if name == "power_cycle":
            self.power_cycle()
        elif name == "ring":
            self.say("RING")
        else:
            self.receive("+8613800138000", "收到，谢谢")

    # ---- what people see

    def state(self) -> dict[str, Any]:
        return {
            "connected": bool(self._hosts),
            "powered": self._waking is None,
            "sim": self.mobile.sim,
            "registered": self.registered,
            "signal": self.mobile.rssi,
            "echo": self.mobile.echo,
            "settings": dict(self.mobile.settings),
            "inbox": len(self.mobile.inbox),
            "sent": len(self.sent),
            "messages": [
                {
                    "number": each.number,
                    "text": each.text,
                    "state": each.state,
                    "parts": f"{len(each.parts)}/{each.total}",
                }
                for each in self.phone.newest(TOLD)
            ],
            "refused": list(self.refused)[: -TOLD - 1 : -1],
        }

    def picture(self) -> str:
        messages = [(each.number, each.text, each.state) for each in self.phone.newest(TOLD)]
        rssi = 0 if self.mobile.rssi == NO_SIGNAL else self.mobile.rssi
        return modem_and_phone(self._waking is None, self.mobile.sim, self.registered, rssi, messages)


async def _write(wire: Wire, outbox: asyncio.Queue[bytes]) -> None:
    """What waits together goes out together."""
    while True:
        data = await outbox.get()
        while not outbox.empty():
            data += outbox.get_nowait()
        await wire.write(data)


SIMULATOR = Modem
