"""Short messages as PDUs: SUBMIT goes out, STATUS-REPORT comes in.

    SUBMIT   00 | 21 (61 with a header) | 00 | to | 00 | 08 = UCS2 | length 1, bytes | header | text, UTF-16 BE
    header   05 00 03 | message | parts | part          in each part of a message that needs several
    to       digits 1 | 91 international, 81 as dialled | digits, two to a byte, the first in the low half, F fills
    REPORT   centre | xxxxxx10 | message reference | to | handed in 7 | decided 7 | status 1 | ...

The leading 00 takes the message centre (SMSC) from the SIM; like the centre before a report it is no part of the TPDU
whose bytes AT+CMGS and +CDS count. Bit 5 of the 21 asks for a status report.

Source: 3GPP TS 23.040, 9.1.2.5 (addresses), 9.2.2.2, 9.2.2.3, 9.2.3.15 (status), 9.2.3.24.1 (parts).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from drivers.base import ProtocolError, Rejected

# ---- numbers

INTERNATIONAL, AS_DIALLED = 0x91, 0x81
LONGEST_SERVICE = 6
"""Digits of `10086`, `12345` and their like, which have no country code."""
LONGEST_NATIONAL = 11
SEPARATORS = re.compile(r"[\s()./-]")


def normalise(number: str, country: str) -> str:
    """`+8613800138000` for what a visitor typed, `10086` as it is. Raises `Rejected("bad_number")`."""
    typed = SEPARATORS.sub("", unicodedata.normalize("NFKC", number))
    found = re.fullmatch(r"(\+|00)?([0-9]{3,15})", typed)
    if found is None:
        raise Rejected("bad_number")
    prefix, digits = found.groups()
    if not prefix and len(digits) <= LONGEST_SERVICE:
        return digits
    if not prefix and not (digits.startswith(country) and len(digits) > LONGEST_NATIONAL):
        digits = country + digits.removeprefix("0")
    if not LONGEST_SERVICE < len(digits) <= 15 or digits.startswith("0"):
        raise Rejected("bad_number")
    return f"+{digits}"


def address(number: str) -> bytes:
    """A number as `normalise` gives it, as it stands in a PDU."""
    digits = number.removeprefix("+")
    kind = INTERNATIONAL if number != digits else AS_DIALLED
    return bytes((len(digits), kind)) + bytes.fromhex(_swap(digits + "F" * (len(digits) % 2)))


def _swap(digits: str) -> str:
    return "".join(second + first for first, second in zip(digits[::2], digits[1::2], strict=True))


# ---- SUBMIT

SINGLE, PART = 140, 134
"""Bytes of text in a message of one part, and in each of several: 70 and 67 units."""
MOST_PARTS = 255


def split(text: str) -> list[bytes]:
    """The text of each part; a character of two units is never torn. Raises `Rejected("too_long")`."""
    data = text.encode("utf-16-be", "replace")
    if len(data) <= SINGLE:
        return [data]
    parts, at = [], 0
    while at < len(data):
        end = at + PART
        if data[end : end + 1] and 0xDC <= data[end] <= 0xDF:  # the second half of a pair
            end -= 2
        parts.append(data[at:end])
        at = end
    if len(parts) > MOST_PARTS:
        raise Rejected("too_long", f"{len(parts)} parts")
    return parts


def submit(number: str, text: str, message: int) -> list[bytes]:
    """A PDU for each part, the byte for the centre included.

    `number` is as `normalise` gives it; `message`, 0 to 255, tells the phone which parts belong together. Raises
    `Rejected("too_long")`.
    """
    parts = split(text)
    to = address(number) + b"\x00\x08"
    if len(parts) == 1:
        return [b"\x00\x21\x00" + to + bytes((len(parts[0]),)) + parts[0]]
    headers = (bytes((5, 0, 3, message, len(parts), nth)) for nth in range(1, len(parts) + 1))
    bodies = [header + part for header, part in zip(headers, parts, strict=True)]
    return [b"\x00\x61\x00" + to + bytes((len(body),)) + body for body in bodies]


# ---- STATUS-REPORT


@dataclass(frozen=True, slots=True)
class Report:
    reference: int
    """What +CMGS gave for the part."""
    number: str
    """Digits as the network writes them, not always as they were sent."""
    status: int


TIMES: Final = 14


def parse_report(raw: bytes, length: int) -> Report:
    """`length` is what +CDS or +CMGR announced; modems that leave the centre away exist. Raises `ProtocolError`."""
    tpdu = raw if len(raw) == length else raw[1 + raw[0] :] if raw else b""
    if len(tpdu) != length or length < 4 or tpdu[0] & 0x03 != 0x02:
        raise ProtocolError("no status report")
    digits = tpdu[2]
    end = 4 + (digits + 1) // 2
    if len(tpdu) <= end + TIMES:
        raise ProtocolError(f"a status report of {len(tpdu)} bytes is cut short")
    number = _swap(tpdu[4:end].hex())[:digits]
    return Report(tpdu[1], number, tpdu[end + TIMES])


def outcome(status: int) -> bool | None:
    """Delivered, or never to be; None while the centre still tries, and for what is reserved."""
    if 0x20 <= status < 0x40 or status >= 0x80:
        return None
    return status < 0x20
