"""USB printer-class links: `usb://0416:5011` or `usb://0416:5011/SERIAL`, the numbers in hexadecimal.

libusb blocks, so each device has a thread of its own that does one transfer at a time. Every transfer has a time limit
(with 0, libusb waits for ever), and listening is cut into short turns so that a write or a close soon gets its own.

The raw interface of a printer has class 7, with a bulk endpoint out and mostly one in; their addresses differ from
clone to clone and are read from the descriptors (USB Device Class Definition for Printing Devices 1.1, 4 and 5). Linux
gives the interface to its usblp driver, which is detached and not put back: the next start would only take it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import usb.core  # type: ignore[import-untyped]
import usb.util  # type: ignore[import-untyped]

from drivers.base import Misconfigured, Unreachable

P = ParamSpec("P")
T = TypeVar("T")

LISTEN_MS: Final = 20
"""One turn of listening."""
WRITE_MS: Final = 200
"""One turn of writing; a printer that is stopped takes nothing."""
CONTROL_MS: Final = 1000
IDLE_S: Final = 0.005
"""Between two turns that heard nothing: some printers answer at once with an empty packet instead of none."""
CHUNK: Final = 4096
"""A multiple of every packet size, so that no packet can be larger than what is left of the buffer."""

PRINTER_CLASS: Final = 7
RAW: Final = (2, 1, 0)
"""bInterfaceProtocol by preference: bidirectional, unidirectional, not said. 3 and 4 wrap the bytes (1284.4, IPP)."""


@dataclass(frozen=True, slots=True)
class PortStatus:
    """Reply to GET_PORT_STATUS: the three status lines of a parallel port."""

    paper_empty: bool
    selected: bool
    error: bool


class UsbLink:
    """A claimed printer interface. `can_read` is False for a unidirectional one: its `read` only ends with the link."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"usb {name}")
        self._closed = asyncio.Event()
        self._listening: asyncio.Future[bytes] | None = None
        self._device: Any = None
        self._number = self._out = 0
        self._in: int | None = None

    @property
    def can_read(self) -> bool:
        return self._in is not None

    async def read(self) -> bytes:
        if self._in is None:
            await self._closed.wait()
        while True:
            if self._listening is None:
                self._listening = self._start(self._listen)
            # A reader that gives up must not lose what the turn still hears: the next read takes it over.
            data = await asyncio.shield(self._listening)
            self._listening = None
            if data:
                return data
            await asyncio.sleep(IDLE_S)

    async def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[await self._start(self._push, bytes(rest[:CHUNK])) :]

    async def port_status(self) -> PortStatus | None:
        """None when the printer does not know the request. Raises `Unreachable` when it is gone."""
        return await self._start(self._port_status)

    async def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        released = asyncio.wrap_future(self._thread.submit(self._release))
        self._thread.shutdown(wait=False)  # what was submitted still runs, and ends: every transfer is limited
        await released
        if self._listening is not None:
            await asyncio.wait([self._listening])
            self._listening.exception()  # read, so that nobody misses it

    async def open(self, vendor: int, product: int, serial: str, backend: Any) -> None:
        await self._start(self._open, vendor, product, serial, backend)

    def _start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        if self._closed.is_set():
            raise Unreachable("the link is closed")
        return asyncio.wrap_future(self._thread.submit(lambda: self._told(call, *args, **kwargs)))

    # ---- on the thread

    def _told(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except usb.core.NoBackendError as error:
            raise Misconfigured("libusb is not installed (Debian: libusb-1.0-0)") from error
        except usb.core.USBError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                vendor, product = self._name.split(":")
                rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}"'
                raise Misconfigured(f'no permission; add a udev rule: {rule}, GROUP="lp", MODE="0660"') from error
            raise Unreachable(f"USB {self._name}: {error}") from error

    def _open(self, vendor: int, product: int, serial: str, backend: Any) -> None:
        found = list(usb.core.find(find_all=True, backend=backend, idVendor=vendor, idProduct=product))
        self._device = device = _the_one(found, serial, self._name)
        interface = _raw_interface(_configuration(device))
        if interface is None:
            raise Misconfigured(f"USB {self._name} has no raw printer interface (class 7)")
        self._number = interface.bInterfaceNumber
        self._in, self._out = _bulk(interface, usb.util.ENDPOINT_IN), _bulk(interface, usb.util.ENDPOINT_OUT) or 0
        with contextlib.suppress(NotImplementedError):
            if device.is_kernel_driver_active(self._number):
                device.detach_kernel_driver(self._number)
        usb.util.claim_interface(device, self._number)
        if interface.bAlternateSetting:
            device.set_interface_altsetting(self._number, interface.bAlternateSetting)

    def _listen(self) -> bytes:
        with contextlib.suppress(usb.core.USBTimeoutError), self._halting(self._in):
            return bytes(self._device.read(self._in, CHUNK, LISTEN_MS))
        return b""

    def _push(self, data: bytes) -> int:
        """How many bytes the printer took."""
        with contextlib.suppress(usb.core.USBTimeoutError), self._halting(self._out):
            return int(self._device.write(self._out, data, WRITE_MS))
        return 0

    @contextlib.contextmanager
    def _halting(self, endpoint: int | None) -> Iterator[None]:
        """A halted endpoint stays halted, over the next opening too, until somebody clears it."""
        try:
            yield
        except usb.core.USBError as error:
            if error.errno == errno.EPIPE:
                with contextlib.suppress(usb.core.USBError):
                    self._device.clear_halt(endpoint)
            raise

    def _port_status(self) -> PortStatus | None:
        try:
            reply = bytes(self._device.ctrl_transfer(0xA1, 1, 0, self._number, 1, CONTROL_MS))
        except usb.core.USBError as error:
            if error.errno in (errno.EPIPE, errno.ETIMEDOUT):
                return None
            raise
        if reply in (b"", b"\0"):
            return None  # printers that do not implement it answer with nothing, or 00
        return PortStatus(bool(reply[0] & 0x20), bool(reply[0] & 0x10), not reply[0] & 0x08)

    def _release(self) -> None:
        if self._device is None:
            return
        with contextlib.suppress(usb.core.USBError):
            usb.util.release_interface(self._device, self._number)
        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(self._device)


async def open_usb(url: str, backend: Any = None) -> UsbLink:
    """Claims the printer that `url` names. `backend` is pyusb's, libusb when it is None.

    Raises `Unreachable` when it is not plugged in or in other hands, and `Misconfigured` when the URL is wrong, the
    device is no printer, several are alike, or this process may not open it.
    """
    parts = urlsplit(url)
    numbers = re.fullmatch(r"([0-9a-f]{4}):([0-9a-f]{4})", parts.netloc.lower())
    if numbers is None or parts.query or parts.fragment:
        raise Misconfigured(f"{url}: write usb://0416:5011 or usb://0416:5011/serial-number")
    link = UsbLink(numbers[0])
    try:
        await link.open(int(numbers[1], 16), int(numbers[2], 16), unquote(parts.path.strip("/")), backend)
    except BaseException:
        await link.close()  # also when cancelled: the thread may be claiming it just now
        raise
    return link


# ---- which device, which interface


def _the_one(found: list[Any], serial: str, name: str) -> Any:
    if serial:
        found = [device for device in found if _serial(device) == serial]
    if not found:
        raise Unreachable(f"no USB device {name}{' with serial number ' + serial if serial else ''}")
    if len(found) > 1:
        raise Misconfigured(f"{len(found)} USB devices are {name}: write the serial number of one behind it")
    return found[0]


def _serial(device: Any) -> str:
    """ "" when it has none. Closes the device again: it may not be the one."""
    if not device.iSerialNumber:
        return ""
    try:
        languages = usb.util.get_langids(device)
        return str(usb.util.get_string(device, device.iSerialNumber, languages[0])) if languages else ""
    except usb.core.USBError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise
        return ""
    finally:
        usb.util.dispose_resources(device)


def _configuration(device: Any) -> Any:
    try:
        return device.get_active_configuration()
    except usb.core.USBError as error:
        if error.errno is not None:
            raise
    device.set_configuration()  # the kernel has not set one
    return device.get_active_configuration()


def _raw_interface(interfaces: Iterable[Any]) -> Any:
    """The interface, or alternate setting, to speak to as it is; None when there is none."""
    printers = [each for each in interfaces if each.bInterfaceClass == PRINTER_CLASS]
    raw = [each for each in printers if each.bInterfaceProtocol in RAW and _bulk(each, usb.util.ENDPOINT_OUT)]
    return min(raw, key=lambda each: RAW.index(each.bInterfaceProtocol), default=None)


def _bulk(interface: Any, direction: int) -> int | None:
    """The address of its bulk endpoint in that direction."""
    for endpoint in interface:
        bulk = usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
        if bulk and usb.util.endpoint_direction(endpoint.bEndpointAddress) == direction:
            return int(endpoint.bEndpointAddress)
    return None
