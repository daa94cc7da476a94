"""The language of frame profiles: one TOML file says how one model talks. `drivers.profile_file` reads it.

    name, evidence, source     what it is, and how well that is known (said to people wherever the device is shown)
    [transport]                baud, parity, port: what the manual says; the hall file's link decides
    [framing]                  kind = "delimited" head tail | "length" offset size endian adjust | "fixed" size | "byte"
                               | "gap" gap_ms; length and fixed may have a head and a tail too
    [checksum]                 kind, from, to: it stands at byte `to`; negative counts from the end of the frame
    [escape]                   A5 = "A6 02": how a byte travels between head and tail
    [line]                     own_echo, gap_ms, repeat_ms
    [transmit.<verb>]          frame = "A0 90 {address:u8} A5 {length:u16be-1} {text:gbk} {checksum}", or a list
    [[receive]]                name, match = "FD ?? {key:u8} .. DF", event, values, acknowledge = "echo" or a template

A template is hex and fields. `{length:TYPE-1}` counts the bytes after itself, here without the last one. In a match `?`
is any hex digit, `..` any number of bytes; a field there is a capture, and u4 is one hex digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

# ---- numbers: the types of fields

SIZES: Final = {"u8": (1, "big"), "u16be": (2, "big"), "u16le": (2, "little")}
NUMBERS: Final = ("u8", "u16be", "u16le", "bcd", "base100", "digits")
CHARSETS: Final = ("gbk", "gb2312")
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "address": tuple(SIZES),
    "seconds": tuple(SIZES),
    "number": NUMBERS,
    "text": CHARSETS,
    "length": tuple(SIZES),
    "checksum": ("",),
    "key": ("u8",),
    "grade": ("u8",),
}
NIBBLES: Final = {"u4": 1, "u8": 2, "u16be": 4, "u16le": 4}
CAPTURES: Final[Mapping[str, tuple[str, ...]]] = {
    "address": tuple(NIBBLES),
    "key": ("u4", "u8"),
    "grade": ("u4", "u8"),
    "digits": ("bytes",),
}


def encode_number(kind: str, value: int, digits: int) -> bytes:
    """`bcd` packs two digits into a byte, `base100` is two digits per byte in binary, `digits` one per byte.

    Raises `OverflowError` when it does not fit.
    """
    if kind in SIZES:
        size, order = SIZES[kind]
        return value.to_bytes(size, "little" if order == "little" else "big")
    written = f"{value:0{digits}d}"
    if len(written) > digits:
        raise OverflowError(f"{value} has more than {digits} digits")
    if kind == "digits":
        return bytes(int(digit) for digit in written)
    pairs = re.findall("..", written.zfill(digits + digits % 2))
    return bytes(int(pair, 16 if kind == "bcd" else 10) for pair in pairs)


# ---- checksums


def _crc16(data: bytes, crc: int) -> int:
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def _xor(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result


CHECKSUMS: Final[Mapping[str, tuple[int, Callable[[bytes], int]]]] = {
    "sum8": (1, lambda data: sum(data) & 0xFF),
    "xor8": (1, _xor),
    "lrc": (1, lambda data: -sum(data) & 0xFF),
    "crc16-arc": (2, lambda data: _crc16(data, 0)),
    "crc16-modbus": (2, lambda data: _crc16(data, 0xFFFF)),
}

# ---- templates and matches


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of a template."""

    name: str
    type: str = ""
    adjust: int = 0


Template = tuple[bytes | Slot, ...]
SLOT: Final = re.compile(r"\{(\w+)(?::(\w+)([+-]\d+)?)?\}")
TEMPLATE: Final = re.compile(r"\{[^}]*\}|[0-9A-Fa-f]{2}")
MATCH: Final = re.compile(r"\{[^}]*\}|\.\.|[0-9A-Fa-f?]")


def _tokens(text: object, token: re.Pattern[str]) -> list[str]:
    if not isinstance(text, str) or not text.strip():
        raise ValueError("is a text such as 'A0 90 {address:u8}'")
    if rest := token.sub(" ", text).strip():
        raise ValueError(f"{rest.split()[0]!r} is neither hex nor a field in braces")
    return token.findall(text)


def _slot(token: str, types: Mapping[str, tuple[str, ...]]) -> Slot:
    found = SLOT.fullmatch(token)
    if found is None or found[1] not in types:
        raise ValueError(f"{token} is no field; known are {', '.join(types)}")
    if (found[2] or "") not in types[found[1]] or (found[3] and found[1] != "length"):
        allowed = ", ".join(f"{{{found[1]}:{kind}}}" if kind else f"{{{found[1]}}}" for kind in types[found[1]])
        raise ValueError(f"{token}: write {allowed}")
    return Slot(found[1], found[2] or "", int(found[3] or 0))


def template(text: object) -> Template:
    """Raises `ValueError` for what is neither hex nor a known field."""
    tokens = _tokens(text, TEMPLATE)
    return tuple(_slot(token, FIELDS) if token[0] == "{" else bytes.fromhex(token) for token in tokens)


@dataclass(frozen=True, slots=True)
class Match:
    """What a frame must look like, over its hex digits."""

    pattern: re.Pattern[str]
    captures: Mapping[str, str]
    least: int
    """Bytes of the shortest frame that can fit."""
    variable: bool


def match(text: object) -> Match:
    """Raises `ValueError` for what is no match, and for one that ends within a byte."""
    pattern, captures, nibbles, endless = "", dict[str, str](), 0, 0
    for part in _tokens(text, MATCH):
        name, kind, width = "", "", 1
        if part[0] == "{":
            slot = _slot(part, CAPTURES)
            name, kind, width = slot.name, slot.type, NIBBLES.get(slot.type, 0)
        if name in captures:
            raise ValueError(f"{part} is there twice")
        if name:
            captures[name] = kind
        if part == ".." or kind == "bytes":
            endless, width, body = endless + 1, 0, "(?:..)*"
        else:
            body = "." * width if name or part == "?" else part.upper()
        pattern += f"(?P<{name}>{body})" if name else body
        nibbles += width
    if nibbles % 2:
        raise ValueError("ends within a byte: count the hex digits")
    if endless > 1:
        raise ValueError("only one part may have any length")
    return Match(re.compile(pattern), captures, nibbles // 2, bool(endless))


def _hex(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("is hex in quotes, such as 'A0 90'")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{text!r} is not hex") from None


def _acknowledge(value: object) -> Literal["echo"] | Template:
    return "echo" if value == "echo" else template(value)


def _frames(value: object) -> list[Template]:
    return [template(one) for one in (value if isinstance(value, list) and value else [value])]


# ---- the tables

Hex = Annotated[bytes, BeforeValidator(_hex)]
AnyTemplate = Annotated[Template, PlainValidator(template)]
Ms = Annotated[int, Field(ge=0, le=60_000)]
Seconds = Annotated[float, Field(gt=0, le=60)]
Longest = Annotated[int, Field(ge=1, le=4096)]
KEY_NAMES: Final = (
    *("call", "recall", "start", "finish", "cancel", "pause", "transfer", "miss", "hold", "resume"),
    *("sign_in", "sign_out"),
)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Transport(Part):
    baud: Annotated[int, Field(ge=110)] | None = None
    parity: Literal["N", "E", "O"] = "N"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None


class Delimited(Part):
    kind: Literal["delimited"]
    head: Annotated[Hex, Field(min_length=1)]
    tail: Annotated[Hex, Field(min_length=1)]
    max: Longest = 256


class Length(Part):
    """A frame has `offset + size + (the number read there) + adjust` bytes."""

    kind: Literal["length"]
    offset: Annotated[int, Field(ge=0)]
    size: Literal[1, 2] = 1
    endian: Literal["big", "little"] = "big"
    adjust: int = 0
    head: Hex = b""
    tail: Hex = b""
    max: Longest = 256


class Fixed(Part):
    kind: Literal["fixed"]
    size: Longest
    head: Hex = b""
    tail: Hex = b""


class Byte(Part):
    kind: Literal["byte"] = "byte"


class Gap(Part):
    """A frame ends when the line has been silent for `gap_ms`."""

    kind: Literal["gap"]
    gap_ms: Annotated[int, Field(ge=1, le=1000)]
    max: Longest = 256


Framing = Delimited | Length | Fixed | Byte | Gap


class Checksum(Part):
    kind: Literal["sum8", "xor8", "lrc", "crc16-arc", "crc16-modbus"]
    start: Annotated[int, Field(alias="from")]
    end: Annotated[int, Field(alias="to")]
    endian: Literal["big", "little"] = "little"
    received: bool = True
    """False: the device's own frames carry none."""


class Line(Part):
    own_echo: bool = False
    """What we send comes back to us: a two-wire adapter."""
    gap_ms: Ms = 5
    repeat_ms: Ms = 300


class Verb(Part):
    frame: Annotated[list[Template], PlainValidator(_frames)]
    answer: str | None = None
    """The `[[receive]]` rule that says it was done."""
    timeout_s: Seconds = 1.0


class Show(Verb):
    max_bytes: Annotated[int, Field(ge=2, le=4000)]
    after_each: Hex = b""
    """Follows every character, such as its colour; counts for `max_bytes`."""


class ShowNumber(Verb):
    digits: Annotated[int, Field(ge=1, le=9)]
    waiting: AnyTemplate | None = None
    """Used when there is no ticket; without it `frame` shows how many wait."""


class Say(Verb):
    max_bytes: Annotated[int, Field(ge=16, le=4000)]
    char_s: Seconds = 0.5
    """The longest time a character takes to be said."""
    volume_tag: Annotated[str, Field(pattern=r"^[!-~]*\{\}[!-~]*$")] | None = None
    """Stands before the text, with the volume for {}."""
    volume_max: Annotated[int, Field(ge=1)] = 16


class Transmit(Part):
    show: Show | None = None
    show_number: ShowNumber | None = None
    beep: Verb | None = None
    invite: Verb | None = None
    say: Say | None = None
    stop: Verb | None = None


class Rule(Part):
    name: str
    match: Annotated[Match, PlainValidator(match)]
    event: Literal["key", "grade", "condition", "ack", "busy", "idle"]
    values: dict[str, int | str] = {}
    """By the captured key or grade in hex: its name, or its number. A grade that is not in here does not fit."""
    condition: str | None = None
    active: bool = True
    acknowledge: Annotated[Literal["echo"] | Template, PlainValidator(_acknowledge)] | None = None

    def meaning(self, value: int) -> int | str | None:
        return {int(key, 16): meaning for key, meaning in self.values.items()}.get(value)


class Profile(Part):
    name: Annotated[str, Field(min_length=1)]
    evidence: Literal["vendor-doc", "two-sources", "one-source", "sample"]
    source: Annotated[str, Field(min_length=1)]
    transport: Transport = Transport()
    framing: Annotated[Framing, Field(discriminator="kind")] = Byte()
    checksum: Checksum | None = None
    escape: dict[str, Hex] = {}
    line: Line = Line()
    transmit: Transmit = Transmit()
    receive: list[Rule] = []

    @property
    def verbs(self) -> dict[str, Verb]:
        return {name: verb for name in Transmit.model_fields if (verb := getattr(self.transmit, name)) is not None}

    def tells(self, event: str) -> bool:
        return any(rule.event == event for rule in self.receive)

    @property
    def escapes(self) -> dict[int, bytes]:
        return {int(plain, 16): code for plain, code in self.escape.items()}
