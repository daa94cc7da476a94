r"""What a GSM modem says, line by line: \r \n line \r \n, or in the middle of nothing `> `, which asks for a message.

OK, ERROR, +CMS ERROR: n and +CME ERROR: n end an answer; what answers nothing may come at any time.

Source: 3GPP TS 27.005 (+CMS ERROR, +CDS, +CDSI, +CMGR) and 27.007 (+CME ERROR, +CREG, +CSQ), 24.011 annex E for the
causes below 300.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from drivers.base import Rejected

OK: Final = "OK"
PROMPT: Final = ">"
SEND, GIVE_UP = b"\x1a", b"\x1b"
ENDS: Final = frozenset(b"\r\n" + SEND + GIVE_UP)
"""The last two only in an echo."""
MAX_LINE: Final = 512


class Decoder:
    """Lines without their ends, and `>` for the prompt, which has none. Never raises; at most `MAX_LINE` bytes wait."""

    def __init__(self) -> None:
        self.garbage = 0
        self.bad_frames = 0
        """Lines that were too long or not printable, and reports that were none."""
        self._line = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[str]:
        return [line for byte in data if (line := self._take(byte))]

    def _take(self, byte: int) -> str | None:
        if byte in ENDS:
            return self._end()
        if byte == ord(PROMPT) and not self._line.strip():
            self._line.clear()
            return PROMPT
        if byte == 0:  # a modem that is switched on pulls the line down
            self.garbage += 1
        elif len(self._line) < MAX_LINE:
            self._line.append(byte)
        else:
            self._too_long = True
            self.garbage += 1
        return None

    def _end(self) -> str | None:
        line, whole = self._line.decode("latin-1"), not self._too_long
        self._line.clear()
        self._too_long = False
        if whole and (not line or (line.isascii() and line.isprintable())):
            return line.strip()
        self.garbage += len(line)
        self.bad_frames += 1
        return None


# ---- refusals

NO_SIM, SIM_PIN, BUSY, NO_NETWORK, BARRED = "no_sim", "sim_pin", "busy", "no_network", "barred"
TIMEOUT, FULL = "network_timeout", "memory_full"
CMS: Final = (
    dict.fromkeys((310, 313, 315), NO_SIM)
    | dict.fromkeys((311, 312, 316, 317, 318), SIM_PIN)
    | dict.fromkeys((22, 41, 42, 47, 314), BUSY)
    | dict.fromkeys((38, 331), NO_NETWORK)
    | dict.fromkeys((8, 10, 50, 69), BARRED)
    | {1: "bad_number", 322: FULL, 330: "no_smsc", 332: TIMEOUT}
)
CME: Final = (
    dict.fromkeys((10, 13, 15), NO_SIM)
    | dict.fromkeys((5, 6, 7, 11, 12, 17, 18), SIM_PIN)
    | dict.fromkeys((30, 32), NO_NETWORK)
    | {14: BUSY, 515: BUSY, 20: FULL, 31: TIMEOUT}
)
_TABLES: Final = {"CMS": CMS, "CME": CME}
_REFUSAL = re.compile(r"\+(CM[SE]) ERROR: ?(\d{1,5})|ERROR|COMMAND NOT SUPPORT")


def refusal(line: str) -> Rejected | None:
    """None when the line refuses nothing; the reason is `refused` for causes that say nothing to a caller."""
    found = _REFUSAL.fullmatch(line)
    if found is None:
        return None
    family, cause = found.groups()
    return Rejected(_TABLES[family].get(int(cause), "refused") if family else "refused", line)


# ---- lines that answer nothing

STARTED: Final = frozenset({"RDY", "^SYSSTART", "MODEM:STARTUP"})
"""It was without power, and has forgotten what it was told."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A status report that is to be fetched."""

    memory: str
    place: int


_STORED = re.compile(r'\+CDSI: ?"([A-Z]{2})", ?(\d{1,5})')
_FOLLOWS = re.compile(r"\+CDS: ?(\d{1,3})")


def stored(line: str) -> Stored | None:
    found = _STORED.fullmatch(line)
    return Stored(found[1], int(found[2])) if found else None


def follows(line: str) -> int:
    """The length of the report that the next line is, 0 when it is none."""
    found = _FOLLOWS.fullmatch(line)
    return int(found[1]) if found else 0


def is_pdu(line: str) -> bool:
    return len(line) % 2 == 0 and re.fullmatch("[0-9A-Fa-f]+", line) is not None


# ---- answers

_SIGNAL = re.compile(r"\+CSQ: ?(\d{1,3})(?:,.*)?")
_NETWORK = re.compile(r"\+CE?REG: ?[0-5], ?(\d{1,2})(?:,.*)?")
_ACCEPTED = re.compile(r"\+CMGS: ?(\d{1,3})(?:,.*)?")
_READ = re.compile(r"\+CMGR: ?.*,(\d{1,3})")
STRONGEST: Final = 31
REGISTERED: Final = frozenset({1, 5, 6, 7, 9, 10})
"""At home or roaming, for everything or for short messages only, on 2G to 4G."""


def signal(line: str) -> int | None:
    """Of +CSQ: 0 (-113 dBm) to 31 (-51 dBm), None when it is not known."""
    found = _SIGNAL.fullmatch(line)
    return int(found[1]) if found and int(found[1]) <= STRONGEST else None


def is_registered(line: str) -> bool:
    """Of +CREG and +CEREG; what comes of itself has no mode before the state, and is no answer."""
    found = _NETWORK.fullmatch(line)
    return found is not None and int(found[1]) in REGISTERED


def accepted(line: str) -> int | None:
    """The message reference of +CMGS."""
    found = _ACCEPTED.fullmatch(line)
    return int(found[1]) if found else None


def read_length(line: str) -> int:
    """The length of the report that +CMGR says the next line is, 0 when it is none."""
    found = _READ.fullmatch(line)
    return int(found[1]) if found else 0
