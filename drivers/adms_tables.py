"""What an ADMS terminal sends: requests, and the tables in their bodies. Pure functions; see adms.py for the wire.

What identifies a body (templates, photos, identity cards, passwords) is not kept, not even for a moment in a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from drivers.base import Direction, Discarded, Enrolled, Mode, ProtocolError, Punched

# ---- requests

LONGEST_LINE: Final = 4096
LONGEST_BODY: Final = 4 * 1024 * 1024
"""Of punches: some 100000. Nothing else is kept."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    place: str
    """Last step of the path, in lower case, without `.aspx`: `cdata getrequest devicecmd ping registry ...`."""
    query: Mapping[str, str] = field(repr=False)
    """Names in lower case; a name given twice has its last value."""
    body: bytes = field(repr=False)

    @property
    def table(self) -> str:
        return self.query.get("table", "").upper()


def parse(raw: bytes) -> Request:
    """A request line, any header lines, an empty line, the body. Raises `ProtocolError`, which repeats none of it."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].split(b" ")
    if not gap or len(words) != 3 or len(head) > LONGEST_LINE or not words[2].startswith(b"HTTP/"):
        raise ProtocolError("no request")
    try:
        target = urlsplit(words[1].decode("ascii"))
        query = parse_qsl(target.query, keep_blank_values=True, max_num_fields=64)
    except ValueError:
        raise ProtocolError("a request that cannot be read") from None
    steps = [step for step in target.path.lower().split("/") if step]
    place = steps[-1].removesuffix(".aspx") if steps else ""
    return Request(words[0].decode("ascii", "replace"), place, {name.lower(): value for name, value in query}, body)


def respond(body: bytes, status: str = "200 OK") -> bytes:
    """The rest of the head, with the `Date` that the terminal sets its clock by, is the server's."""
    return b"HTTP/1.1 " + status.encode("ascii") + b"\r\n\r\n" + body


# ---- punches

STAMP: Final = re.compile(r"[1-9][0-9]{0,19}")
PERSON: Final = re.compile(rb"[!-~]{1,24}")
CODE: Final = re.compile(rb"[0-9]{1,3}")
DIRECTIONS: Final[Mapping[bytes, Direction]] = {
    b"0": "in",
    b"1": "out",
    b"2": "out",  # for a break
    b"3": "in",
    b"4": "in",  # overtime
    b"5": "out",
}
MODES: Final[Mapping[bytes, Mode]] = {
    **dict.fromkeys((b"1", b"8", b"9", b"10", b"12"), "fingerprint"),
    b"3": "password",
    **dict.fromkeys((b"4", b"11"), "card"),
    **dict.fromkeys((b"15", b"16", b"17", b"18", b"19", b"20"), "face"),
    **dict.fromkeys((b"25", b"26", b"27", b"28", b"29"), "palm"),
}
"""Of two that were both asked for, the one of the body; one of two, and veins, stay unknown. 2 is no card here."""


def punch(line: bytes, bookmark: str) -> Punched | None:
    """Of a line of ATTLOG with 2 fields or more; None for any other line."""
    fields = line.split(b"\t")
    if len(fields) < 2 or not PERSON.fullmatch(fields[0]):
        return None
    try:
        clock = datetime.strptime(fields[1].decode("ascii").strip(), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None
    status, verify = (each.strip() if CODE.fullmatch(each.strip()) else b"" for each in (*fields[2:4], b"", b"")[:2])
    return Punched(
        person=fields[0].decode("ascii"),
        clock=clock,
        sequence=f"{status.decode()}-{verify.decode()}",
        bookmark=bookmark,
        direction=DIRECTIONS.get(status, "unknown"),
        mode=MODES.get(verify, "unknown"),
    )


def is_check(line: bytes) -> bool:
    """Whether a person was compared with an identity card, which is no attendance.

    Fields 8 and 9 of terminals that do so are the number on the card, and 0 (a punch) or 1 (a comparison).
    """
    fields = line.split(b"\t")
    return len(fields) == 9 and len(fields[7]) >= 15 and fields[8] == b"1"


# ---- people

BODY_WORDS: Final = ("FP", "FACE", "FVEIN", "USERPIC", "BIOPHOTO", "BIODATA", "IDCARD")
"""Words that lines of OPERLOG begin with, of what is thrown away unread."""
LE_CARD: Final = re.compile(r"\[([0-9A-Fa-f]{8})\]")


def text(raw: bytes) -> str:
    """Names are GB2312 on terminals that speak Chinese and UTF-8 on others; they do not say which."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def user(record: bytes) -> Enrolled | None:
    """Of `PIN=..<TAB>Name=..<TAB>Card=..`; of a password only that there is one."""
    values = {name.lower(): value for name, _, value in (pair.partition(b"=") for pair in record.split(b"\t"))}
    person = values.get(b"pin", b"")
    if not PERSON.fullmatch(person):
        return None
    card = card_number(values.get(b"card", b"").decode("ascii", "replace"))
    has: dict[Mode, object] = {"card": card, "password": values.get(b"passwd")}
    modes = tuple(mode for mode, there in has.items() if there)
    return Enrolled(person.decode("ascii"), text(values.get(b"name", b"")), card=card, modes=modes)


def card_number(said: str) -> str:
    """In decimal; "" for none. `[15CD5B07]` is 123456789: four bytes, the lowest first."""
    if found := LE_CARD.fullmatch(said):
        said = str(int.from_bytes(bytes.fromhex(found[1]), "little"))
    return said if said.isascii() and said.isdecimal() and len(said) <= 20 and int(said) else ""


# ---- tables

UNREAD: Final = ("BIODATA", "ATTPHOTO", "BIOPHOTO", "IDCARD", "FINGERTMP", "FACE", "FVEIN", "USERPIC")
QUIET: Final = ("OPTIONS", "ERRORLOG")
"""Of the terminal itself, and of no use to us; the manual counts nothing in their answers."""
FOREIGN: Final = ("RTLOG",)
"""Punches of terminals that speak access-control PUSH 3: they must stay there until somebody can read them."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What a body says: `accepted` records, which the terminal forgets when they are answered with 200."""

    accepted: int
    events: list[Punched | Discarded] = field(default_factory=list)
    people: list[Enrolled] = field(default_factory=list)
    bad: int = 0
    """Lines that are no record."""


def read(request: Request, bookmark: str) -> Upload:
    """Of a POST to `cdata`; `bookmark` is that of the last punch before it."""
    if request.table == "ATTLOG":
        return _punches(request, bookmark)
    if request.table == "OPERLOG" and "contenttype" not in request.query:
        return _operations(request.body)
    if request.table in QUIET:
        return Upload(_count(request))
    kind = request.table if request.table in (*UNREAD, "OPERLOG") else "unknown"
    return Upload(_count(request), [Discarded(kind, _count(request))])


def _punches(request: Request, bookmark: str) -> Upload:
    checks = bad = 0
    found: list[Punched] = []
    for line in lines(request.body):
        one = punch(line, bookmark)
        if is_check(line):
            checks += 1
        elif one is not None:
            found.append(one)
        else:
            bad += line.strip().upper() != b"TABLE=ATTLOG"
    stamp = request.query.get("stamp", "")
    if found and STAMP.fullmatch(stamp):  # only with the last is everything up to this mark stored
        last = found[-1]
        found[-1] = Punched(last.person, last.clock, last.sequence, stamp, last.direction, last.mode)
    dropped = [Discarded("IDCARD", checks)] if checks else []
    return Upload(len(found) + checks, [*dropped, *found], bad=bad)


def _operations(body: bytes) -> Upload:
    people: list[Enrolled] = []
    unread: Counter[str] = Counter()
    accepted = bad = 0
    for line in lines(body):
        word, _, record = line.partition(b" ")
        name = word.decode("ascii", "replace").upper()
        one = user(record) if name == "USER" else None
        if one is not None:
            people.append(one)
        elif name in BODY_WORDS:
            unread[name] += 1
        elif name != "OPLOG":
            bad += 1
            continue
        accepted += 1
    return Upload(accepted, [Discarded(name, count) for name, count in unread.items()], people, bad)


def _count(request: Request) -> int:
    """Records that nobody looks into; photos and packs are bytes in one piece."""
    whole = request.table == "ATTPHOTO" or "contenttype" in request.query
    return 1 if whole else sum(1 for _ in lines(request.body))


def lines(body: bytes) -> Iterator[bytes]:
    """Those with something in them; a few terminals put CR LF."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].rstrip(b"\r")
        if line.strip():
            yield line
        start = end + 1


# ---- the handshake

DELAY_S, ERROR_DELAY_S = 10, 30
"""Between two polls, and after one that went wrong: what we tell the terminal."""
NOTHING_BIOMETRIC: Final = ":".join("0" * 11)
OLD_ENOUGH: Final = "2.2.14"
"""From 2.4.0 on it would want to exchange keys; of the two versions the lower one counts."""


def handshake(serial: str, bookmark: str, utc_offset_min: int) -> bytes:
    """What we want of the terminal: punches and what is done to it at once, no templates, no photos.

    Stamps have an old and a new name. Without a bookmark it sends all that it has.
    """
    stamp = bookmark if STAMP.fullmatch(bookmark) else "None"
    whole = utc_offset_min % 60 == 0 and abs(utc_offset_min) < 12 * 60
    settings = {
        "ATTLOGStamp": stamp,
        "OPERLOGStamp": "9999",
        "ATTPHOTOStamp": "9999",
        "BIODATAStamp": "9999",
        "IDCARDStamp": "9999",
        "ERRORLOGStamp": "9999",
        "Stamp": stamp,
        "OpStamp": "9999",
        "PhotoStamp": "9999",
        "ErrorDelay": ERROR_DELAY_S,
        "Delay": DELAY_S,
        "TransTimes": "00:00;14:05",
        "TransInterval": 1,
        "TransFlag": "TransData AttLog\tOpLog",
        "TimeZone": utc_offset_min // 60 if whole else utc_offset_min,
        "Realtime": 1,
        "Encrypt": "None",
        "ServerVer": OLD_ENOUGH,
        "PushProtVer": OLD_ENOUGH,
        "MultiBioDataSupport": NOTHING_BIOMETRIC,
        "MultiBioPhotoSupport": NOTHING_BIOMETRIC,
    }
    return "".join([f"GET OPTION FROM: {serial}\n", *(f"{name}={value}\n" for name, value in settings.items())]).encode(
        "ascii"
    )
