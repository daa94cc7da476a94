"""What a GSM modem answers to AT commands: settings, SIM, place in the network. It knows no wire and no time.

    line: AT | commands       command: E0, &F ... | + name | + name?  | + name=? | + name=value       ; between two
    answer: lines of text, then OK, ERROR, +CME ERROR: n or +CMS ERROR: n

Source: 3GPP TS 27.005 and 27.007, V.250. What they leave to the maker is chosen here: after power-up messages are in
text mode, which this modem has only in name (nothing is sent or read in it), and CMGS is answered elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from simulators.sms_pdu import LONGEST_TPDU

COMMAND = re.compile(
    r"""\s*(?:(?P<name>[+$^%*\#][A-Z][A-Z0-9]*)(?P<argument>\?|=(?:"[^"]*"|[^";])*)?\s*(?:;|$)
        |(?P<basic>S\d+=\d+|&?[A-Z]\d*)\s*;?)""",
    re.VERBOSE | re.IGNORECASE,
)
BASIC = {"H", "H0", "Q0", "V1", "X", "X1", "X4", "&C1", "&D2", "&K0", "&W", "S0=0"}
"""Commands that change nothing here."""
IDENTITY = {
    "+CGMI": "HALL",
    "+CGMM": "SMS-SIM",
    "+CGMR": "1.00",
    "+CGSN": "860000000000009",
}
IMSI, OPERATOR, SMSC = "460001234567890", {"0": '"CHINA MOBILE"', "2": '"46000"'}, "+8613800100500"
CAPACITY = 20
"""Messages that the SIM holds."""
TRIES = 3
GOOD, WEAK, NO_SIGNAL = 23, 4, 99  # CSQ: 0 to 31 for -113 to -51 dBm
OFF, HOME, SEARCHING, DENIED = 0, 1, 2, 3
UNREAD, READ, ALL = 0, 1, 4

NOT_ALLOWED, NOT_SUPPORTED, NO_SIM, NEEDS_PIN, NEEDS_PUK, WRONG_PIN = 3, 4, 10, 11, 12, 16  # +CME ERROR
WORDS = {
    NOT_ALLOWED: "operation not allowed",
    NOT_SUPPORTED: "operation not supported",
    NO_SIM: "SIM not inserted",
    NEEDS_PIN: "SIM PIN required",
    NEEDS_PUK: "SIM PUK required",
    13: "SIM failure",
    WRONG_PIN: "incorrect password",
    100: "unknown",
}
CMS_NOT_SUPPORTED, BAD_PDU, BAD_INDEX, NO_SMSC, NO_NETWORK = 303, 304, 321, 330, 331  # +CMS ERROR
CMS_OF = {NO_SIM: 310, NEEDS_PIN: 311, NEEDS_PUK: 316}

Sim = Literal["ready", "absent", "pin", "puk"]
SIM_ERRORS: dict[Sim, int] = {"absent": NO_SIM, "pin": NEEDS_PIN, "puk": NEEDS_PUK}


class Refused(Exception):
    """`kind` is "CMS" or "CME"; without it there is no code."""

    def __init__(self, kind: str = "", code: int = 0, why: str = "") -> None:
        super().__init__(why or f"{kind} {code}".strip() or "ERROR")
        self.kind, self.code = kind, code


@dataclass(frozen=True, slots=True)
class Setting:
    default: str
    allowed: str
    """A pattern."""
    range: str
    """What the test command (=?) says of it."""


SETTINGS = {
    "+CMEE": Setting("0", "[0-2]", "(0-2)"),
    "+CMGF": Setting("1", "[01]", "(0,1)"),
    "+CNMI": Setting("0,0,0,0,0", "[0-2](,[01](,0(,[01](,[01])?)?)?)?", "(0-2),(0,1),(0),(0,1),(0,1)"),
    "+CSCS": Setting('"GSM"', '"(GSM|IRA|HEX|UCS2)"', '("GSM","IRA","HEX","UCS2")'),
    "+CSMP": Setting("17,167,0,0", r"\d{1,3}(,\d{0,3}){0,3}", "(0-255),(0-255),(0-255),(0-255)"),
}


def commands(line: str) -> list[tuple[str, str]]:
    """(name, argument) of each command in what follows AT; an argument is `=...`, `?` or empty. Raises `Refused`."""
    line, found, at = line.strip(), [], 0
    while at < len(line):
        command = COMMAND.match(line, at)
        if command is None:
            raise Refused
        found.append(((command["name"] or command["basic"]).upper(), command["argument"] or ""))
        at = command.end()
    return found


@dataclass(slots=True)
class Stored:
    state: int
    pdu: bytes
    """SMSC and all."""
    octets: int
    """Of the TPDU."""


class Mobile:
    """The equipment behind the wire. `obey` answers one command; the attributes are what people may change."""

    def __init__(self, pin: str) -> None:
        self.inserted, self.locked, self.denied = True, False, False
        """A SIM is in, it asks for its PIN, the network refuses it."""
        self.rssi = GOOD
        self.smsc = SMSC
        self.inbox: dict[int, Stored] = {}
        self._pin, self._tries = pin, TRIES
        self._actions: dict[str, Callable[[str], list[str]]] = {
            "+CFUN": self._function,
            "+CMGD": self._delete,
            "+CMGL": self._list,
            "+CMGR": self._read,
            "+COPS": self._operator,
            "+CPIN": self._enter_pin,
            "+CPMS": self._storage,
            "+CREG": self._registration,
            "+CSCA": self._centre,
        }
        self.power_up()

    def power_up(self) -> None:
        """Settings go, the SIM stays as it is and asks for its PIN again."""
        self.unlocked = False
        self.reset()

    def reset(self) -> None:
        """ATZ: what was set is forgotten, the echo is on."""
        self.echo = True
        self.settings = {name: each.default for name, each in SETTINGS.items()}
        self._reporting_registration, self._operator_format = "0", "0"

    @property
    def names(self) -> list[str]:
        return sorted({*self._actions, *SETTINGS, *IDENTITY, "+CHUP", "+CIMI", "+CLAC", "+CMGS", "+CSQ"})

    @property
    def sim(self) -> Sim:
        if not self.inserted:
            return "absent"
        if not self.locked or self.unlocked:
            return "ready"
        return "pin" if self._tries else "puk"

    def insert(self, inserted: bool) -> None:
        self.inserted, self.unlocked = inserted, False

    def lock(self, locked: bool) -> None:
        """Whether the SIM asks for its PIN; its tries begin anew."""
        self.locked, self.unlocked, self._tries = locked, False, TRIES

    @property
    def registration(self) -> int:
        """<stat> of CREG."""
        if self.sim != "ready":
            return OFF
        if self.rssi == NO_SIGNAL:
            return SEARCHING
        return DENIED if self.denied else HOME

    @property
    def tells_registration(self) -> bool:
        return self._reporting_registration == "1"

    def notifies(self, what: Literal["message", "report"]) -> bool:
        """What CNMI says: mode 0 keeps everything back, <mt> is the second number and <ds> the fourth."""
        numbers = self.settings["+CNMI"].split(",")
        return numbers[0] != "0" and numbers[1 if what == "message" else 3] == "1"

    def store(self, pdu: bytes, octets: int) -> int | None:
        """The index of the new message; None when there is no room."""
        free = sorted(set(range(1, CAPACITY + 1)) - self.inbox.keys())
        if not free:
            return None
        self.inbox[free[0]] = Stored(UNREAD, pdu, octets)
        return free[0]

    # ---- commands

    def obey(self, name: str, argument: str) -> list[str]:
        """The lines before OK. Raises `Refused`."""
        if name.startswith("+"):
            return self._extended(name, argument)
        if name in ("E", "E0", "E1"):
            self.echo = name == "E1"
        elif name in ("Z", "Z0", "&F", "&F0"):
            self.reset()
        elif name in ("I", "I0"):
            return list(IDENTITY.values())[:3]
        elif name not in BASIC:
            raise Refused
        return []

    def _extended(self, name: str, argument: str) -> list[str]:
        if name not in self.names:
            raise Refused
        if argument == "=?" and name != "+CPMS":
            return [f"{name}: {SETTINGS[name].range}"] if name in SETTINGS else []
        if name in SETTINGS:
            return self._set(name, argument)
        if name in self._actions:
            return self._actions[name](argument)
        if argument:
            raise Refused
        return self._fact(name)

    def _fact(self, name: str) -> list[str]:
        """What is asked for without an argument. Hanging up says nothing: there are no calls."""
        if name == "+CIMI":
            self.need_sim("CME")
        facts = {
            "+CIMI": [IMSI],
            "+CLAC": [f"AT{each}" for each in self.names],
            "+CSQ": [f"+CSQ: {self.rssi},99"],
            "+CHUP": [],
        }
        return facts[name] if name in facts else [IDENTITY[name]]

    def need_sim(self, kind: Literal["CMS", "CME"]) -> None:
        """Raises `Refused`."""
        if self.sim != "ready":
            code = SIM_ERRORS[self.sim]
            raise Refused(kind, CMS_OF[code] if kind == "CMS" else code)

    def announced(self, argument: str) -> int:
        """The octets of the TPDU that CMGS will bring. Raises `Refused`."""
        self._need_pdu_mode()
        if not re.fullmatch(r"=\d{1,3}", argument) or not 1 <= int(argument[1:]) <= LONGEST_TPDU:
            raise Refused("CMS", BAD_PDU, f"CMGS{argument}")
        return int(argument[1:])

    def _need_pdu_mode(self) -> None:
        self.need_sim("CMS")
        if self.settings["+CMGF"] != "0":
            raise Refused("CMS", CMS_NOT_SUPPORTED, "text mode")

    def _set(self, name: str, argument: str) -> list[str]:
        if argument == "?":
            return [f"{name}: {self.settings[name]}"]
        value = argument.removeprefix("=")
        if not re.fullmatch(SETTINGS[name].allowed, value):
            raise Refused("CMS", CMS_NOT_SUPPORTED) if name in ("+CMGF", "+CNMI") else Refused("CME", NOT_SUPPORTED)
        rest = SETTINGS[name].default.split(",")[value.count(",") + 1 :]
        self.settings[name] = ",".join([value, *rest])
        return []

    def _function(self, argument: str) -> list[str]:
        if argument == "?":
            return ["+CFUN: 1"]
        if argument != "=1":
            raise Refused("CME", NOT_SUPPORTED)
        return []

    def _enter_pin(self, argument: str) -> list[str]:
        if self.sim == "absent":
            raise Refused("CME", NO_SIM)
        if argument == "?":
            return [{"ready": "+CPIN: READY", "pin": "+CPIN: SIM PIN", "puk": "+CPIN: SIM PUK"}[self.sim]]
        if self.sim != "pin":
            raise Refused("CME", NEEDS_PUK if self.sim == "puk" else NOT_ALLOWED)
        given = re.fullmatch(r'="?(\d{4,8})"?', argument)
        if given is None:
            raise Refused("CME", NOT_SUPPORTED)
        if given[1] != self._pin:
            self._tries -= 1
            raise Refused("CME", WRONG_PIN if self._tries else NEEDS_PUK)
        self.unlocked, self._tries = True, TRIES
        return []

    def _registration(self, argument: str) -> list[str]:
        if argument == "?":
            return [f"+CREG: {self._reporting_registration},{self.registration}"]
        if argument not in ("=0", "=1"):
            raise Refused("CME", NOT_SUPPORTED)
        self._reporting_registration = argument[1:]
        return []

    def _operator(self, argument: str) -> list[str]:
        if argument == "?":
            name = f",{self._operator_format},{OPERATOR[self._operator_format]}" if self.registration == HOME else ""
            return [f"+COPS: 0{name}"]
        if argument not in ("=0", "=3,0", "=3,2"):
            raise Refused("CME", NOT_SUPPORTED)
        if argument != "=0":
            self._operator_format = argument[-1]
        return []

    def _centre(self, argument: str) -> list[str]:
        self.need_sim("CMS")
        if argument == "?":
            return [f'+CSCA: "{self.smsc}",{145 if self.smsc.startswith("+") else 129}']
        number = re.fullmatch(r'="(\+?\d{0,20})"(?:,\d{1,3})?', argument)
        if number is None:
            raise Refused("CMS", BAD_PDU)
        self.smsc = number[1]
        return []

    # ---- stored messages

    def _storage(self, argument: str) -> list[str]:
        if argument == "=?":
            return ['+CPMS: ("SM"),("SM"),("SM")']
        self.need_sim("CMS")
        places = f"{len(self.inbox)},{CAPACITY}"
        if argument == "?":
            return ["+CPMS: " + ",".join([f'"SM",{places}'] * 3)]
        if not re.fullmatch(r'="SM"(,"SM"){0,2}', argument):
            raise Refused("CMS", CMS_NOT_SUPPORTED)
        return ["+CPMS: " + ",".join([places] * 3)]

    def _list(self, argument: str) -> list[str]:
        self._need_pdu_mode()
        if not re.fullmatch("(=[0-4])?", argument):
            raise Refused("CMS", BAD_PDU)
        wanted, lines = int(argument[1:] or UNREAD), []
        for index, message in sorted(self.inbox.items()):
            if wanted in (ALL, message.state):
                lines += [f"+CMGL: {index},{message.state},,{message.octets}", message.pdu.hex().upper()]
                message.state = READ
        return lines

    def _read(self, argument: str) -> list[str]:
        self._need_pdu_mode()
        message = self.inbox.get(_index(argument))
        if message is None:
            raise Refused("CMS", BAD_INDEX)
        lines = [f"+CMGR: {message.state},,{message.octets}", message.pdu.hex().upper()]
        message.state = READ
        return lines

    def _delete(self, argument: str) -> list[str]:
        self.need_sim("CMS")
        index, _, flag = argument.partition(",")
        if flag not in ("", "0", "1", "2", "3", "4") or not 0 <= _index(index) <= CAPACITY:
            raise Refused("CMS", BAD_INDEX)
        if flag in ("", "0"):
            self.inbox.pop(_index(index), None)
        elif flag == "4":
            self.inbox.clear()
        else:  # the read ones; what was sent or waits to be sent is not stored here
            self.inbox = {at: each for at, each in self.inbox.items() if each.state != READ}
        return []


def _index(argument: str) -> int:
    """Of `=7`; -1 for what is no index."""
    return int(argument[1:]) if re.fullmatch(r"=\d{1,3}", argument) else -1
