"""Resident ID-card readers on USB as a link: `sam://0400:c35a` or `sam://0400:c35a/SERIAL`.

    out 02   AA AA AA 96 69 | length 2          in 81   AA AA AA 96 69 | length 2
    out 06   CMD PARA | data | CHK              in 85   SW1 SW2 SW3 | data | CHK

A frame goes and comes through two pipes each; here they are one stream, as on the reader's serial port. `write` takes
one whole frame.

Source: one public description of the reader's pipes. Not proven on hardware.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from drivers.base import Misconfigured
from drivers.usb import UsbInterface, claim

PREAMBLE: Final = bytes.fromhex("AA AA AA 96 69")
HEAD: Final = len(PREAMBLE) + 2
HEAD_OUT, BODY_OUT, HEAD_IN, BODY_IN = 0x02, 0x06, 0x81, 0x85


class SamLink(UsbInterface):
    _owed = 0
    """Bytes of the reply that the second pipe has not given yet."""

    async def write(self, data: bytes) -> None:
        await self._put(HEAD_OUT, data[:HEAD])
        await self._put(BODY_OUT, data[HEAD:])

    def _choose(self, interfaces: Iterable[Any]) -> Any:
        for each in interfaces:
            if {HEAD_OUT, BODY_OUT, HEAD_IN, BODY_IN} <= {endpoint.bEndpointAddress for endpoint in each}:
                return each
        raise Misconfigured(f"USB {self._name} has no pipes 02, 06, 81 and 85: it is no reader of this kind")

    def _prepare(self) -> None:
        for pipe in (HEAD_IN, BODY_IN):
            self._drain(pipe)  # a reply that nobody waited for would answer the first question

    def _listen(self) -> bytes:
        if self._owed:
            body = self._take(BODY_IN)
            self._owed = max(0, self._owed - len(body))
            return body
        head = self._take(HEAD_IN)
        if head.startswith(PREAMBLE) and len(head) >= HEAD:
            self._owed = max(0, int.from_bytes(head[len(PREAMBLE) : HEAD]) - len(head[HEAD:]))
        return head


async def open_sam(url: str, backend: Any = None) -> SamLink:
    """The reader that `url` names; errors as in `drivers.usb.claim`."""
    return await claim(SamLink, url, backend)
