"""USB keypads as a link: `hid://046d:c31c` or `hid://046d:c31c/SERIAL`. Each read is one boot report of 8 bytes.

    modifiers | 00 | usage | usage | usage | usage | usage | usage          the keys that are down now; 00 fills up

The interface is the boot keyboard: class 3, subclass 1, protocol 1. Claiming it takes it from the kernel, so that its
keys do not also type into the kiosk page; a keypad that was plugged in anew types there until it is claimed again.
SET_PROTOCOL 0 asks for this form of report, SET_IDLE 0 for one only when something changes.

Source: USB HID 1.11, 4.2, 7.2.4, 7.2.6 and appendix B.1. Not proven on hardware.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any, Final

import usb.core  # type: ignore[import-untyped]

from drivers.base import Misconfigured, Unreachable
from drivers.usb import CONTROL_MS, IN, INTERRUPT, UsbInterface, claim, endpoint_of

BOOT_KEYBOARD: Final = (3, 1, 1)
TO_INTERFACE, SET_IDLE, SET_PROTOCOL = 0x21, 0x0A, 0x0B
REPORT: Final = 8
TURN_MS: Final = 100
"""One turn of listening: nothing is ever written, so only a close may have to wait for it."""


class HidLink(UsbInterface):
    _in = _room = 0

    async def write(self, data: bytes) -> None:
        """A keypad is told nothing. Raises `Unreachable` when the link is closed."""
        if self._closed.is_set():
            raise Unreachable("the link is closed")

    def _choose(self, interfaces: Iterable[Any]) -> Any:
        for each in interfaces:
            kind = (each.bInterfaceClass, each.bInterfaceSubClass, each.bInterfaceProtocol)
            endpoint = endpoint_of(each, INTERRUPT, IN) if kind == BOOT_KEYBOARD else None
            if endpoint is not None:
                packet = endpoint.wMaxPacketSize & 0x7FF
                # Only a packet that is not full ends a transfer early: with more room a report would wait for the next.
                self._in, self._room = endpoint.bEndpointAddress, -(-REPORT // packet) * packet
                return each
        raise Misconfigured(f"USB {self._name} has no boot keyboard (class 3, subclass 1, protocol 1)")

    def _prepare(self) -> None:
        for request in (SET_PROTOCOL, SET_IDLE):
            try:
                self._device.ctrl_transfer(TO_INTERFACE, request, 0, self._number, None, CONTROL_MS)
            except usb.core.USBError as error:
                if error.errno not in (errno.EPIPE, errno.ETIMEDOUT):
                    raise
                # Those that refuse have one form of report, or repeat it every half second: both can be read.
        self._drain(self._in, self._room)  # what was pressed before is no press now

    def _listen(self) -> bytes:
        report = self._take(self._in, self._room, TURN_MS)
        # What follows the 8 bytes is the maker's, and so is the second of them.
        return report[:1] + b"\0" + report[2:REPORT] if len(report) >= REPORT else b""


async def open_hid(url: str, backend: Any = None) -> HidLink:
    """The keypad that `url` names; errors as in `drivers.usb.claim`."""
    return await claim(HidLink, url, backend)
