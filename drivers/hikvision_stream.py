"""The endless multipart answer of `alertStream`, part by part. Pure; see hikvision.py for the wire.

--MIME_boundary CR LF  Content-Type: application/json  CR LF  Content-Length: 533  CR LF CR LF  {...} CR LF
--MIME_boundary CR LF  Content-Type: image/jpeg ...                                  thrown away as it comes in
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from drivers.base import ProtocolError

LONGEST_HEAD, LONGEST_PART = 4096, 65536
BOUNDARY: Final = re.compile(r'multipart/[^;]*;.*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))', re.IGNORECASE)
LENGTH: Final = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r?\n", re.IGNORECASE)
TYPE: Final = re.compile(rb"\ncontent-type:[ \t]*([a-z]+/[a-z]+)", re.IGNORECASE)
TEXTS: Final = (b"application/json", b"text/json", b"application/xml", b"text/xml", b"text/plain")
PICTURE: Final = "picture"
OTHER: Final = "part"


def boundary(content_type: str) -> bytes:
    """Without dashes before it: some firmware counts them in. Raises `ProtocolError` when there is none."""
    found = BOUNDARY.match(content_type)
    name = (found[1] or found[2]).lstrip("-") if found else ""
    if not name.isascii() or not name:
        raise ProtocolError("the stream is no multipart")
    return name.encode("ascii")


class Decoder:
    """`feed` gives the bytes of each text, and `PICTURE` or `OTHER` for each part that is thrown away unread."""

    def __init__(self, name: bytes) -> None:
        self.garbage = 0
        self.bad_frames = 0
        self._mark = b"--" + name
        self._buffer = bytearray()
        self._left: int | None = None
        """Bytes of the body that have not come yet, where the head tells."""
        self._found: list[bytes | str] = []
        self._step: Callable[[], bool] = self._between

    def feed(self, data: bytes) -> list[bytes | str]:
        self._buffer += data
        while self._step():
            pass
        found, self._found = self._found, []
        return found

    def _between(self) -> bool:
        """To the next boundary; what stands before it belongs to nothing."""
        at = self._buffer.find(self._mark)
        if at < 0:
            self._drop(len(self._buffer) - len(self._mark) + 1)
            return False
        self._drop(at)
        del self._buffer[: len(self._mark)]
        self._step = self._head
        return True

    def _drop(self, count: int) -> None:
        if count > 0:
            self.garbage += len(self._buffer[:count].strip())
            del self._buffer[:count]

    def _head(self) -> bool:
        """Up to the empty line; `--` after the boundary ends the stream, and another may begin."""
        if self._buffer[:2] == b"--":
            return self._back()
        ends = [at + len(gap) for gap in (b"\r\n\r\n", b"\n\n") if (at := self._buffer.find(gap)) >= 0]
        if not ends:
            too_long = len(self._buffer) > LONGEST_HEAD
            self.bad_frames += too_long
            return too_long and self._back()
        head = b"\n" + bytes(self._buffer[: min(ends)])
        del self._buffer[: min(ends)]
        length, kind = LENGTH.search(head), TYPE.search(head)
        self._left = int(length[1]) if length else None
        self._step = self._text
        if kind is not None and kind[1].lower() not in TEXTS:
            self._throw(PICTURE if kind[1].lower().startswith(b"image/") else OTHER)
        elif (self._left or 0) > LONGEST_PART:
            self.bad_frames += 1
            self._throw(OTHER)
        return True

    def _throw(self, kind: str) -> None:
        self._found.append(kind)
        self._step = self._skip

    def _back(self) -> bool:
        self._step = self._between
        return True

    def _text(self) -> bool:
        end = self._buffer.find(self._mark) if self._left is None else self._left
        if 0 <= end <= len(self._buffer):
            return self._take(end)
        if self._left is None and len(self._buffer) > LONGEST_PART:
            self.bad_frames += 1
            self._throw(OTHER)
            return True
        # The boundary that would end it may come minutes later, with the next event.
        whole = self._left is None and self._buffer.rstrip()[-1:] == b"}" and _is_json(self._buffer)
        return whole and self._take(len(self._buffer))

    def _take(self, end: int) -> bool:
        self._found.append(bytes(self._buffer[:end]).strip())
        del self._buffer[:end]
        return self._back()

    def _skip(self) -> bool:
        if self._left is None:
            at = self._buffer.find(self._mark)
            count = at if at >= 0 else max(0, len(self._buffer) - len(self._mark) + 1)
            del self._buffer[:count]
            return at >= 0 and self._back()
        gone = min(self._left, len(self._buffer))
        self._left -= gone
        del self._buffer[:gone]
        return self._left == 0 and self._back()


def _is_json(data: bytearray) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
