"""The codec of frame profiles: what a profile makes of bytes, and which bytes it makes. Pure; one for all models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from drivers.base import Condition, DeviceEvent, Graded, KeyPressed, Misconfigured, Speech
from drivers.profile_language import (
    CHECKSUMS,
    SIZES,
    Byte,
    Delimited,
    Fixed,
    Gap,
    Length,
    Profile,
    Rule,
    Say,
    Slot,
    Template,
    Verb,
    encode_number,
)
from drivers.text import MISSING, lines

# ---- out: text and frames


def characters(text: str, charset: str, after_each: bytes = b"") -> tuple[list[bytes], int]:
    """The bytes of each character, lines joined by a space, and how many the font lacks: they become 〓."""
    codes = [_code(char, charset) for char in " ".join(line for line in lines(text) if line)]
    lacking = MISSING.encode("gbk")
    return [(lacking if code is None else code) + after_each for code in codes], codes.count(None)


def _code(char: str, charset: str) -> bytes | None:
    try:
        code = char.encode("gbk")
        # By position, not by name: Python's two codecs disagree about the names of — and · at the same place.
        code.decode(charset)
    except UnicodeError:
        return None
    return code


def pack(codes: list[bytes], longest: int) -> list[list[bytes]]:
    """The characters in pieces of at most `longest` bytes; none is cut in two."""
    pieces: list[list[bytes]] = [[]]
    for code in codes:
        if pieces[-1] and sum(map(len, pieces[-1])) + len(code) > longest:
            pieces.append([])
        pieces[-1].append(code)
    return pieces


def charset_of(verb: Verb) -> str:
    return next(part.type for frame in verb.frame for part in frame if isinstance(part, Slot) and part.name == "text")


def with_volume(verb: Say, speech: Speech) -> tuple[bytes, str]:
    """The tag before the text, and the text without the character that would begin a tag."""
    if verb.volume_tag is None:
        return b"", speech.text
    level = round(min(max(speech.volume, 0), 100) * verb.volume_max / 100)
    opening = verb.volume_tag[0]
    return verb.volume_tag.format(level).encode("ascii"), speech.text.replace(opening, chr(ord(opening) + 0xFEE0))


Values = Mapping[str, int | bytes]


def render(profile: Profile, template: Template, values: Values, digits: int = 1) -> bytes:
    """The bytes of one frame. Raises `Misconfigured` for a number that does not fit its field."""
    return escaped(profile, lay_out(profile, template, values, digits)[0])


def lay_out(profile: Profile, template: Template, values: Values, digits: int) -> tuple[bytes, int | None]:
    """The frame before escaping, and where its checksum stands."""
    out, lengths, check = bytearray(), [], None
    for part in template:
        if isinstance(part, bytes):
            out += part
        elif part.name == "length":
            lengths.append((len(out), part))
            out += bytes(SIZES[part.type][0])
        elif part.name == "checksum" and profile.checksum is not None:
            check = len(out)
            out += bytes(CHECKSUMS[profile.checksum.kind][0])
        else:
            out += _field(part, values[part.name], digits)
    for at, part in lengths:
        size = SIZES[part.type][0]
        out[at : at + size] = _field(part, len(out) - at - size + part.adjust, digits)
    if check is not None:
        value = checksum(profile, bytes(out))
        out[check : check + len(value)] = value
    return bytes(out), check


def _field(slot: Slot, value: int | bytes, digits: int) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return encode_number(slot.type, value, digits)
    except OverflowError as error:
        raise Misconfigured(f"{slot.name} {value} does not fit {slot.type}") from error


def checksum(profile: Profile, frame: bytes) -> bytes:
    """What should stand at byte `to` of this frame; nothing without a checksum."""
    rule = profile.checksum
    if rule is None:
        return b""
    size, compute = CHECKSUMS[rule.kind]
    return compute(frame[rule.start : rule.end]).to_bytes(size, rule.endian)


def escaped(profile: Profile, frame: bytes) -> bytes:
    """The frame as it travels."""
    if not profile.escape or not isinstance(profile.framing, Delimited):
        return frame
    head, tail, codes = len(profile.framing.head), len(profile.framing.tail), profile.escapes
    body = b"".join(codes.get(byte, bytes([byte])) for byte in frame[head:-tail])
    return frame[:head] + body + frame[-tail:]


def _unescape(profile: Profile, frame: bytes) -> bytes:
    if not profile.escape or not isinstance(profile.framing, Delimited):
        return frame
    head, tail = len(profile.framing.head), len(profile.framing.tail)
    plain = {code: bytes([byte]) for byte, code in profile.escapes.items()}
    body = re.sub(b"|".join(map(re.escape, plain)), lambda found: plain[found[0]], frame[head:-tail], flags=re.DOTALL)
    return frame[:head] + body + frame[-tail:]


# ---- in: frames


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the stream, in order."""

    kind: Literal["frame", "bad", "garbage"]
    """A frame; the first byte of what looked like one and was wrong; a byte that begins none."""
    raw: bytes
    """A frame is told without its escapes."""
    why: str = ""


class Decoder:
    """Finds the profile's frames between any bytes.

    A frame that turns out wrong gives up only its first byte: the next true one may have begun inside it. Delimited
    frames without a checksum begin at the last head before the tail, so that one cut short does not swallow the next.
    """

    def __init__(self, profile: Profile) -> None:
        self.garbage = 0
        self.bad_frames = 0
        self.rest = bytearray()
        """What may become a frame."""
        self._profile, self._framing = profile, profile.framing

    def feed(self, data: bytes) -> list[bytes]:
        return [piece.raw for piece in self.pieces(data) if piece.kind == "frame"]

    def flush(self) -> list[bytes]:
        """Silence: it ends a frame where nothing else does, and elsewhere what has begun will not be finished."""
        frames: list[bytes] = []
        if isinstance(self._framing, Gap) and self.rest and not self.wrong(bytes(self.rest)):
            frames.append(bytes(self.rest))
            self.rest.clear()
        self.bad_frames += bool(self.rest)
        while self.rest:
            self.garbage += 1
            del self.rest[0]
            frames += self.feed(b"")
        return frames

    def pieces(self, data: bytes) -> Iterator[Piece]:
        self.rest += data
        while self.rest:
            size = self._size()
            if size is not None and len(self.rest) < size:
                return
            raw = _unescape(self._profile, bytes(self.rest[:size])) if size is not None else b""
            why = self.wrong(raw) if size is not None else ""
            if size is not None and not why:
                del self.rest[:size]
                yield Piece("frame", raw)
                continue
            self.bad_frames += bool(why)
            self.garbage += 1
            first = bytes(self.rest[:1])
            del self.rest[:1]
            yield Piece("bad" if why else "garbage", first, why)

    def _size(self) -> int | None:
        """How many bytes the frame at the front needs, as far as is known yet; None when it is no frame."""
        framing, have = self._framing, len(self.rest)
        if isinstance(framing, Byte):
            return 1
        if isinstance(framing, Gap):
            return None if have >= framing.max else have + 1
        head = framing.head
        if not bytes(self.rest[: len(head)]).startswith(head[:have]):
            return None
        if isinstance(framing, Fixed):
            return framing.size
        return self._delimited(framing) if isinstance(framing, Delimited) else self._counted(framing)

    def _delimited(self, framing: Delimited) -> int | None:
        tail = self.rest.find(framing.tail, len(framing.head))
        if tail < 0:
            return None if len(self.rest) >= framing.max else len(self.rest) + 1
        received = self._profile.checksum is not None and self._profile.checksum.received
        if not received and self.rest.rfind(framing.head, 0, tail) > 0:
            return None
        return tail + len(framing.tail)

    def _counted(self, framing: Length) -> int | None:
        start = framing.offset + framing.size
        if len(self.rest) < start:
            return start
        value = int.from_bytes(self.rest[framing.offset : start], framing.endian)
        size = start + value + framing.adjust
        return size if start + len(framing.tail) <= size <= framing.max else None

    def wrong(self, frame: bytes) -> str:
        """Why this is no frame after all; empty when it is one."""
        tail = getattr(self._framing, "tail", b"")
        if not frame.endswith(tail):
            return f"does not end with {tail.hex(' ').upper()}"
        rule = self._profile.checksum
        if rule is None or not rule.received:
            return ""
        want = checksum(self._profile, frame)
        at = rule.end % len(frame) if rule.end < 0 else rule.end
        have = frame[at : at + len(want)]
        if have == want:
            return ""
        return f"{rule.kind} is {have.hex(' ').upper() or 'missing'}, expected {want.hex(' ').upper()}"


# ---- in: meanings


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame that a rule matched."""

    rule: Rule
    raw: bytes
    values: Mapping[str, int]
    event: DeviceEvent | None
    """None for `ack`, `busy` and `idle`."""


def interpret(profile: Profile, frame: bytes) -> Heard | None:
    """By the first rule that matches; None when none does."""
    text = frame.hex().upper()
    for rule in profile.receive:
        found = rule.match.pattern.fullmatch(text)
        if found is None:
            continue
        kinds = rule.match.captures
        values = {name: _number(found[name], kind) for name, kind in kinds.items() if kind != "bytes"}
        digits = tuple(bytes.fromhex(found["digits"])) if "digits" in kinds else ()
        if rule.event == "grade" and rule.values and rule.meaning(values["grade"]) is None:
            continue
        return Heard(rule, frame, values, _event(rule, values, digits))
    return None


def _number(digits: str, kind: str) -> int:
    return int.from_bytes(bytes.fromhex(digits), "little") if kind == "u16le" else int(digits, 16)


def _event(rule: Rule, values: Mapping[str, int], digits: tuple[int, ...]) -> DeviceEvent | None:
    address = values.get("address", 0)
    if rule.event == "key":
        key = rule.meaning(values["key"])
        return KeyPressed(address, str(key) if key is not None else f"key_{values['key']:02X}", digits)
    if rule.event == "grade":
        grade = rule.meaning(values["grade"])
        return Graded(address, int(grade) if grade is not None else values["grade"])
    if rule.event == "condition":
        return Condition(str(rule.condition), rule.active)
    return None


# ---- for people

SHOWN: Final = 64


def explain(profile: Profile, data: bytes) -> str:
    """What the profile makes of bytes from the device, line by line: frames, rules, and where it stopped and why."""
    decoder, at, junk = Decoder(profile), 0, bytearray()
    said = [f"{profile.name} ({profile.evidence}): {len(data)} bytes"]
    for piece in decoder.pieces(data):
        if junk and piece.kind != "garbage":
            said.append(f"byte {at - len(junk)}: no frame: {_shown(bytes(junk))}")
            junk.clear()
        if piece.kind == "frame":
            said += [f"byte {at}: frame {_shown(piece.raw)}", f"    {_meaning(profile, piece.raw)}"]
            at += len(escaped(profile, piece.raw))
            continue
        if piece.kind == "bad":
            said.append(f"byte {at}: begins like a frame, but {piece.why}; the search goes on at the next byte")
        else:
            junk += piece.raw
        at += 1
    if junk:
        said.append(f"byte {at - len(junk)}: no frame: {_shown(bytes(junk))}")
    return "\n".join([*said, *_remainder(profile, decoder, at)])


def _remainder(profile: Profile, decoder: Decoder, at: int) -> list[str]:
    rest = bytes(decoder.rest)
    if isinstance(profile.framing, Gap) and rest:
        if why := decoder.wrong(rest):
            return [f"byte {at}: {_shown(rest)} is ended by silence, but {why}"]
        return [f"byte {at}: frame {_shown(rest)}, ended by silence", f"    {_meaning(profile, rest)}"]
    return [f"byte {at}: unfinished {_shown(rest)}: {_wait(profile)}"] if rest else []


def _shown(raw: bytes) -> str:
    return raw[:SHOWN].hex(" ").upper() + (f" … ({len(raw)} bytes)" if len(raw) > SHOWN else "")


def _meaning(profile: Profile, frame: bytes) -> str:
    heard = interpret(profile, frame)
    if heard is None:
        rules = ", ".join(rule.name for rule in profile.receive) or "there are none"
        return f"no rule matches ({rules})"
    captured = " ".join(f"{name}={value}" for name, value in heard.values.items())
    what = heard.event if heard.event is not None else heard.rule.event
    return f"rule {heard.rule.name}: {what}" + (f"; captured {captured}" if captured else "")


def _wait(profile: Profile) -> str:
    framing = profile.framing
    if isinstance(framing, Delimited):
        return f"waits for the tail {framing.tail.hex(' ').upper()}"
    return f"waits for {framing.size} bytes" if isinstance(framing, Fixed) else "shorter than its length says"
