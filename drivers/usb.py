"""USB links: what all of them share, and printers: `usb://0416:5011` or `usb://0416:5011/SERIAL`, in hexadecimal.

libusb blocks, so each device has a thread of its own that does one transfer at a time. Every transfer has a time limit
(with 0, libusb waits for ever), and listening is cut into short turns so that a write or a close soon gets its own.

Linux gives printers, keypads and others to a driver of its own (usblp, usbhid), which is detached and not put back: the
next start would only take the interface again.

The raw interface of a printer has class 7, with a bulk endpoint out and mostly one in; their addresses differ from
clone to clone and are read from the descriptors (USB Device Class Definition for Printing Devices 1.1, 4 and 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
from abc import ABC, abstractmethod
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
"""One turn of listening, where a write may be waiting for its own."""
WRITE_MS: Final = 200
"""One turn of writing; a printer that is stopped takes nothing."""
CONTROL_MS: Final = 1000
IDLE_S: Final = 0.005
"""Between two turns that heard nothing: some printers answer at once with an empty packet instead of none."""
CHUNK: Final = 4096
"""A multiple of every packet size, so that no packet can be larger than what is left of the buffer."""
STALE: Final = 8
"""Turns in which a pipe may give up what it has kept since nobody listened."""


class UsbInterface(ABC):
    """One claimed interface as a link. A kind of device says which one to claim, and how a turn of listening goes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"usb {name}")
        self._closed = asyncio.Event()
        self._listening: asyncio.Future[bytes] | None = None
        self._device: Any = None
        self._number = 0

    async def read(self) -> bytes:
        while True:
            if self._listening is None:
                self._listening = self._start(self._listen)
            # A reader that gives up must not lose what the turn still hears: the next read takes it over.
            data = await asyncio.shield(self._listening)
            self._listening = None
            if data:
                return data
            await asyncio.sleep(IDLE_S)

    @abstractmethod
    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        released = asyncio.wrap_future(self._thread.submit(self._release))
        self._thread.shutdown(wait=False)  # what was submitted still runs, and ends: every transfer is limited
        await released
        listening = self._listening
        if listening is not None:
            await asyncio.wait([listening])
            listening.exception()  # read, so that nobody misses it

    async def open(self, vendor: int, product: int, serial: str, backend: Any) -> None:
        await self._start(self._open, vendor, product, serial, backend)

    def _start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        if self._closed.is_set():
            raise Unreachable("the link is closed")
        return asyncio.wrap_future(self._thread.submit(lambda: self._told(call, *args, **kwargs)))

    async def _put(self, endpoint: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[await self._start(self._push, endpoint, bytes(rest[:CHUNK])) :]

    # ---- on the thread

    @abstractmethod
    def _choose(self, interfaces: Iterable[Any]) -> Any:
        """The interface, or alternate setting, to claim. Raises `Misconfigured` when the device is of another kind."""

    def _prepare(self) -> None:  # noqa: B027  # most kinds need nothing
        """What the claimed interface is told first."""

    @abstractmethod
    def _listen(self) -> bytes:
        """What one turn heard; b"" is nothing."""

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
        interface = self._choose(_configuration(device))
        self._number = interface.bInterfaceNumber
        with contextlib.suppress(NotImplementedError):
            if device.is_kernel_driver_active(self._number):
                device.detach_kernel_driver(self._number)
        usb.util.claim_interface(device, self._number)
        if interface.bAlternateSetting:
            device.set_interface_altsetting(self._number, interface.bAlternateSetting)
        self._prepare()

    def _take(self, endpoint: int, room: int = CHUNK, turn_ms: int = LISTEN_MS) -> bytes:
        with contextlib.suppress(usb.core.USBTimeoutError), self._halting(endpoint):
            return bytes(self._device.read(endpoint, room, turn_ms))
        return b""

    def _drain(self, endpoint: int, room: int = CHUNK) -> None:
        """Throws away what was said while nobody listened."""
        for _ in range(STALE):
            if not self._take(endpoint, room):
                return

    def _push(self, endpoint: int, data: bytes) -> int:
        """How many bytes the device took."""
        with contextlib.suppress(usb.core.USBTimeoutError), self._halting(endpoint):
            return int(self._device.write(endpoint, data, WRITE_MS))
        return 0

    @contextlib.contextmanager
    def _halting(self, endpoint: int) -> Iterator[None]:
        """A halted endpoint stays halted, over the next opening too, until somebody clears it."""
        try:
            yield
        except usb.core.USBError as error:
            if error.errno == errno.EPIPE:
                with contextlib.suppress(usb.core.USBError):
                    self._device.clear_halt(endpoint)
            raise

    def _release(self) -> None:
        if self._device is None:
            return
        with contextlib.suppress(usb.core.USBError):
            usb.util.release_interface(self._device, self._number)
        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(self._device)


L = TypeVar("L", bound=UsbInterface)


async def claim(kind: type[L], url: str, backend: Any = None) -> L:
    """Claims the device that `url` names, `scheme://0416:5011/serial`. `backend` is pyusb's, libusb when it is None.

    Raises `Unreachable` when it is not plugged in or in other hands, and `Misconfigured` when the URL is wrong, the
    device is of another kind, several are alike, or this process may not open it.
    """
    parts = urlsplit(url)
    numbers = re.fullmatch(r"([0-9a-f]{4}):([0-9a-f]{4})", parts.netloc.lower())
    if numbers is None or parts.query or parts.fragment:
        raise Misconfigured(f"{url}: write {parts.scheme}://0416:5011 or {parts.scheme}://0416:5011/serial-number")
    link = kind(numbers[0])
    try:
        await link.open(int(numbers[1], 16), int(numbers[2], 16), unquote(parts.path.strip("/")), backend)
    except BaseException:
        await link.close()  # also when cancelled: the thread may be claiming it just now
        raise
    return link


# ---- which device, which endpoint


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


BULK, INTERRUPT = usb.util.ENDPOINT_TYPE_BULK, usb.util.ENDPOINT_TYPE_INTR
IN, OUT = usb.util.ENDPOINT_IN, usb.util.ENDPOINT_OUT


def endpoint_of(interface: Any, transfer: int, direction: int) -> Any:
    """The first of that type and direction; None when there is none."""
    for endpoint in interface:
        fits = usb.util.endpoint_type(endpoint.bmAttributes) == transfer
        if fits and usb.util.endpoint_direction(endpoint.bEndpointAddress) == direction:
            return endpoint
    return None


# ---- printers

PRINTER_CLASS: Final = 7
RAW: Final = (2, 1, 0)
"""bInterfaceProtocol by preference: bidirectional, unidirectional, not said. 3 and 4 wrap the bytes (1284.4, IPP)."""


@dataclass(frozen=True, slots=True)
class PortStatus:
    """Reply to GET_PORT_STATUS: the three status lines of a parallel port."""

    paper_empty: bool
    selected: bool
    error: bool


class UsbLink(UsbInterface):
    """A printer. `can_read` is False for a unidirectional one: its `read` only ends with the link."""

    _in: int | None = None
    _out = 0

    @property
    def can_read(self) -> bool:
        return self._in is not None

    async def read(self) -> bytes:
        if self._in is None:
            await self._closed.wait()
        return await super().read()

    async def write(self, data: bytes) -> None:
        await self._put(self._out, data)

    async def port_status(self) -> PortStatus | None:
        """None when the printer does not know the request. Raises `Unreachable` when it is gone."""
        return await self._start(self._port_status)

    def _choose(self, interfaces: Iterable[Any]) -> Any:
        printers = [each for each in interfaces if each.bInterfaceClass == PRINTER_CLASS]
        raw = [each for each in printers if each.bInterfaceProtocol in RAW and endpoint_of(each, BULK, OUT)]
        if not raw:
            raise Misconfigured(f"USB {self._name} has no raw printer interface (class 7)")
        interface = min(raw, key=lambda each: RAW.index(each.bInterfaceProtocol))
        back = endpoint_of(interface, BULK, IN)
        self._in = back.bEndpointAddress if back is not None else None
        self._out = endpoint_of(interface, BULK, OUT).bEndpointAddress
        return interface

    def _listen(self) -> bytes:
        return b"" if self._in is None else self._take(self._in)

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


async def open_usb(url: str, backend: Any = None) -> UsbLink:
    """The printer that `url` names; errors as in `claim`."""
    return await claim(UsbLink, url, backend)
