"""Short messages as they pass between a host and its modem: SUBMIT in, DELIVER and STATUS-REPORT out.

    PDU: SMSC: length 1, type 1, digits (a length of 00: the one of the SIM) | TPDU
    SUBMIT: first octet | reference | destination: digits 1, type 1, digits | PID | DCS | VP 0, 1 or 7 | UDL | text
    DELIVER: first octet | sender | PID | DCS | time 7 | UDL | text
    STATUS-REPORT: first octet | reference | recipient | time 7 | time of discharge 7 | status
    first octet of a SUBMIT: 01 | validity period: 10 one octet, 08 or 18 seven | 20 report wanted | 40 header in it

Digits are swapped within each octet, an odd number of them ends in F. UDL counts octets, for the 7-bit alphabet
septets. Source: 3GPP TS 23.040, 9.1 and 9.2, and 23.038, 6.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
SUBMIT, DELIVER, STATUS_REPORT = 0x01, 0x04, 0x06
INTERNATIONAL, UNKNOWN, NATIONAL = 0x91, 0x81, 0xA1
REPORT_WANTED, HAS_HEADER, PERIOD = 0x20, 0x40, 0x18
PERIOD_OCTETS = {0x00: 0, 0x10: 1, 0x08: 7, 0x18: 7}
SEPTETS, OCTETS, UCS2 = 0x00, 0x04, 0x08
MOST_DIGITS, MOST_TEXT = 20, 140  # octets of text, its header counted
LONGEST_SMSC, LONGEST_TPDU = 12, 164

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = dict(zip(b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", "\f^{}\\[~]|€", strict=True))
ESCAPE = 0x1B


class Malformed(ValueError):
    """What is no PDU of its kind; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """The place of a message in a longer one: `number` counts from 1."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Submit:
    number: str
    """With a + when it is international."""
    text: str
    """Octets of no alphabet as hex; half of a surrogate pair as U+FFFD, as a telephone shows it."""
    part: Part | None
    report: bool
    """Whether the sender wants a STATUS-REPORT."""
    destination: bytes
    """The address as it stood in the TPDU."""


class _Octets:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Malformed("it ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def one(self) -> int:
        return self.take(1)[0]

    @property
    def left(self) -> int:
        return len(self._data) - self._at


def split(pdu: bytes) -> tuple[bytes, bytes]:
    """(SMSC without its length, TPDU). Raises `Malformed`."""
    octets = _Octets(pdu)
    smsc = octets.take(octets.one())
    if smsc and not 2 <= len(smsc) < LONGEST_SMSC:
        raise Malformed("the address of the SMSC has a wrong length")
    return smsc, octets.take(octets.left)


def read_submit(tpdu: bytes) -> Submit:
    """Raises `Malformed`."""
    octets = _Octets(tpdu)
    first = octets.one()
    if first & 0x03 != SUBMIT:
        raise Malformed(f"first octet {first:02X} is of no SUBMIT")
    octets.take(1)  # the sender's reference: the modem gives its own
    destination, number = _read_address(octets)
    octets.take(1)  # PID
    alphabet = _alphabet(octets.one())
    octets.take(PERIOD_OCTETS[first & PERIOD])
    length = octets.one()
    part, text = _read_text(octets.take(octets.left), length, alphabet, header=bool(first & HAS_HEADER))
    return Submit(number, text, part, bool(first & REPORT_WANTED), destination)


def _read_address(octets: _Octets) -> tuple[bytes, str]:
    count, kind = octets.one(), octets.one()
    if not 1 <= count <= MOST_DIGITS:
        raise Malformed(f"a number of {count} digits")
    if kind not in (INTERNATIONAL, UNKNOWN, NATIONAL):
        raise Malformed(f"type of number {kind:02X}")
    swapped = octets.take((count + 1) // 2)
    digits = "".join(f"{octet & 0x0F:X}{octet >> 4:X}" for octet in swapped)
    if not digits[:count].isdecimal() or digits[count:] not in ("", "F"):
        raise Malformed(f"{swapped.hex().upper()} are not {count} digits")
    return bytes([count, kind]) + swapped, "+" * (kind == INTERNATIONAL) + digits[:count]


def _alphabet(dcs: int) -> int:
    """`SEPTETS`, `OCTETS` or `UCS2`: the general group without compression, and the group of message classes."""
    if dcs & 0xE0 == 0x00 and dcs & 0x0C != 0x0C:
        return dcs & 0x0C
    if dcs & 0xF8 == 0xF0:
        return dcs & 0x04
    raise Malformed(f"data coding scheme {dcs:02X}")


# ---- text


def _read_text(data: bytes, length: int, alphabet: int, *, header: bool) -> tuple[Part | None, str]:
    size = (length * 7 + 7) // 8 if alphabet == SEPTETS else length
    if len(data) != size:
        raise Malformed(f"{len(data)} octets of text where UDL {length} says {size}")
    if size > MOST_TEXT:
        raise Malformed(f"{size} octets of text")
    octets = _Octets(data)
    head = octets.take(octets.one()) if header else b""
    part = _read_part(head)
    if alphabet == SEPTETS:
        return part, _septets(data, (8 * (size - octets.left) + 6) // 7, length)
    body = octets.take(octets.left)
    if alphabet == OCTETS:
        return part, body.hex(" ").upper()
    if len(body) % 2:
        raise Malformed("half a character of UCS2")
    return part, body.decode("utf-16-be", "replace")


def _read_part(header: bytes) -> Part | None:
    """From the elements of a header: 00 has a reference of one octet, 08 of two."""
    octets, part = _Octets(header), None
    while octets.left:
        kind = octets.one()
        value = octets.take(octets.one())
        if kind not in (0x00, 0x08):
            continue
        if len(value) != (3 if kind == 0x00 else 4):
            raise Malformed("a wrong length of the element of parts")
        part = Part(int.from_bytes(value[:-2], "big"), value[-2], value[-1])
        if not 1 <= part.number <= part.total:
            raise Malformed(f"part {part.number} of {part.total}")
    return part


def _septets(data: bytes, start: int, end: int) -> str:
    """The characters from septet `start` on: a header takes up whole septets, with fill bits after it."""
    bits = int.from_bytes(data, "little")
    codes = iter([bits >> 7 * at & 0x7F for at in range(start, end)])
    text = ""
    for code in codes:
        if code == ESCAPE:
            code = next(codes, 0x20)
            text += EXTENSION.get(code, BASIC[code])
        else:
            text += BASIC[code]
    return text


# ---- what comes from the network


def write_address(number: str) -> bytes:
    """Count of digits, type, swapped digits."""
    kind = INTERNATIONAL if number.startswith("+") else UNKNOWN
    digits = number.removeprefix("+")
    return bytes([len(digits), kind]) + _swapped(digits + "F" * (len(digits) % 2))


def write_smsc(number: str) -> bytes:
    """As it stands before a TPDU: here the length counts octets."""
    address = write_address(number)[1:]
    return bytes([len(address)]) + address


def write_time(at: datetime) -> bytes:
    """In the hall's time zone, which is 32 quarters of an hour."""
    return _swapped(at.astimezone(CHINA).strftime("%y%m%d%H%M%S") + "32")


def write_deliver(number: str, text: str, at: datetime) -> bytes:
    """The TPDU of a message of at most 70 UTF-16 units."""
    data = text.encode("utf-16-be")
    return bytes([DELIVER]) + write_address(number) + bytes([0, UCS2]) + write_time(at) + bytes([len(data)]) + data


def write_status_report(reference: int, destination: bytes, at: datetime, discharged: datetime, status: int) -> bytes:
    """The TPDU. `destination` as in the SUBMIT; `status` 00 is delivered, 40 and more will never be."""
    times = write_time(at) + write_time(discharged)
    return bytes([STATUS_REPORT, reference]) + destination + times + bytes([status])


def _swapped(digits: str) -> bytes:
    return bytes(int(digits[at + 1] + digits[at], 16) for at in range(0, len(digits), 2))
