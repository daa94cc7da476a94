"""USB devices behind pyusb's backend interface, with descriptors of real ones and faults on demand."""

from __future__ import annotations

import array
import errno
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import usb.backend  # type: ignore[import-untyped]
import usb.core  # type: ignore[import-untyped]

CLONE = bytes.fromhex(
    "12010002000000401604115000010000000109022000010100C0320904000002070102000705010240000007058202400000"
)
"""What a 0416:5011 printer says of itself: interface 0 of class 7/1/2, bulk OUT 01, bulk IN 82."""

K120 = bytes.fromhex(
    "12010001000000086D041CC3006401020001 09023B00020103A02D"
    "090400000103010102 092110010001224100 0705810308000A"
    "090401000103000002 092110010001229F00 070582030400FF"
)
"""What a Logitech K120 (046d:c31c) says of itself: a boot keyboard at interrupt IN 81, and other keys at 82."""
SAM = bytes.fromhex(
    "1201100100000040 0004 5AC3 0001 000000 01 09022E0001010080 32"
    "0904000004FF000000 07050202400000 07050602400000 07058102400000 07058502400000"
)
"""A reader with the four bulk pipes of a SAM; all else is made up."""

DEVICE = "bLength bDescriptorType bcdUSB:2 bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor:2 \
idProduct:2 bcdDevice:2 iManufacturer iProduct iSerialNumber bNumConfigurations"
CONFIGURATION = "bLength bDescriptorType wTotalLength:2 bNumInterfaces bConfigurationValue iConfiguration \
bmAttributes bMaxPower"
INTERFACE = "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass \
bInterfaceSubClass bInterfaceProtocol iInterface"
ENDPOINT = "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize:2 bInterval"
LAYOUTS = {1: DEVICE, 2: CONFIGURATION, 4: INTERFACE, 5: ENDPOINT, 0x21: "bLength bDescriptorType"}


def descriptors(raw: bytes) -> list[SimpleNamespace]:
    """The descriptors of a device in the order in which it sends them (USB 2.0, 9.6)."""
    found, at = [], 0
    while at < len(raw):
        one, fields, place = raw[at : at + raw[at]], SimpleNamespace(), 0
        for name in LAYOUTS[one[1]].split():
            name, _, length = name.partition(":")
            setattr(fields, name, int.from_bytes(one[place : place + int(length or 1)], "little"))
            place += int(length or 1)
        fields.extra_descriptors, fields.bRefresh, fields.bSynchAddress = [], 0, 0
        found.append(fields)
        at += raw[at]
    return found


def fault(number: int) -> Exception:
    error: Exception = usb.core.USBError(errno.errorcode[number], None, number)
    return error


@dataclass
class Plugged(ABC):
    """One device on the bus. Everything is called from the driver's thread; tests set what it does next."""

    raw: bytes = b""
    serial: str = ""
    then: int = 0
    """The error of what it can do no more, such as ENODEV; 0 is none."""
    opening: int = 0
    """The error when it is opened, such as EACCES."""
    kernel_driver: bool = True
    claimed: bool = False
    interfaces: list[int] = field(default_factory=list)
    """Those that were ever claimed, in order."""
    handles: int = 0
    cleared: list[int] = field(default_factory=list)
    timeouts: list[int] = field(default_factory=list)
    endpoints: Counter[int] = field(default_factory=Counter)
    news: threading.Condition = field(default_factory=threading.Condition)

    @abstractmethod
    def accept(self, endpoint: int, data: bytes, timeout: int) -> int: ...

    @abstractmethod
    def give(self, endpoint: int, room: int, timeout: int) -> bytes: ...

    def control(self, kind: int, request: int, value: int, index: int) -> bytes:
        raise fault(errno.EPIPE)

    def unplug(self, error: int = errno.ENODEV) -> None:
        with self.news:
            self.then = error
            self.news.notify_all()


def silence() -> Exception:
    error: Exception = usb.core.USBTimeoutError("timed out", None, errno.ETIMEDOUT)
    return error


@dataclass
class Printer(Plugged):
    raw: bytes = CLONE
    status: bytes = bytes.fromhex("12 12 12 12")
    """What it answers to DLE EOT 1 to 4."""
    port: int | None = 0x18
    """GET_PORT_STATUS; None: it does not know the request."""
    barrier: bytes = b"\0"
    """The answer to GS r."""
    takes: int = 1 << 30
    """How many more bytes it takes; then it is silent, as with its cover open, or fails with `then`."""
    empty_packets: bool = False
    """Answers an idle IN at once with nothing."""
    got: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    """What waits to be read."""

    def say(self, data: bytes) -> None:
        with self.news:
            self.said += data
            self.news.notify_all()

    def has(self, got: int) -> None:
        """Waits, in a thread, until it has got so many bytes."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= got, 5)

    def write(self, data: bytes, timeout: int) -> int:
        taken = data[: self.takes]
        with self.news:
            self.takes -= len(taken)
            self.got += taken
            self.news.notify_all()
        self._answer(taken)
        if taken:
            return len(taken)
        if self.then:
            raise fault(self.then)
        with self.news:
            self.news.wait_for(lambda: self.then, timeout / 1000)
        raise silence()

    def _answer(self, data: bytes) -> None:
        if data[:2] == b"\x10\x04":
            self.say(self.status[data[2] - 1 : data[2]])
        elif data.endswith(b"\x1d\x72\x01"):
            self.say(self.barrier)

    def read(self, room: int, timeout: int) -> bytes:
        with self.news:
            if not self.empty_packets:
                self.news.wait_for(lambda: self.said or self.then, timeout / 1000)
            if self.then and not self.takes:
                raise fault(self.then)
            data = bytes(self.said[:room])
            del self.said[:room]
        if data or self.empty_packets:
            return data
        raise silence()

    def accept(self, endpoint: int, data: bytes, timeout: int) -> int:
        return self.write(data, timeout)

    def give(self, endpoint: int, room: int, timeout: int) -> bytes:
        return self.read(room, timeout)

    def control(self, kind: int, request: int, value: int, index: int) -> bytes:
        if (kind, request) != (0xA1, 1) or self.port is None:  # GET_PORT_STATUS
            raise fault(errno.EPIPE)
        return bytes([self.port])


@dataclass
class Keypad(Plugged):
    """A transfer ends with a packet that is not full, when the room is, or with the turn."""

    raw: bytes = K120
    packet: int = 8
    """wMaxPacketSize; the descriptors must say the same."""
    refuses: int = 0
    """The error of SET_PROTOCOL and SET_IDLE, such as EPIPE."""
    reports: deque[bytes] = field(default_factory=deque)
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)

    def press(self, *reports: bytes) -> None:
        with self.news:
            self.reports.extend(reports)
            self.news.notify_all()

    def accept(self, endpoint: int, data: bytes, timeout: int) -> int:
        raise fault(errno.EPIPE)

    def give(self, endpoint: int, room: int, timeout: int) -> bytes:
        got, end = b"", time.monotonic() + timeout / 1000
        with self.news:
            while len(got) < room and self.news.wait_for(lambda: self.reports or self.then, end - time.monotonic()):
                if self.then:
                    raise fault(self.then)
                packet = self.reports[0][: self.packet]
                if len(got) + len(packet) > room:
                    raise fault(errno.EOVERFLOW)
                self.reports[0] = self.reports[0][self.packet :]
                if not self.reports[0]:
                    self.reports.popleft()
                got += packet
                if len(packet) < self.packet:
                    break
        if got:
            return got
        raise silence()

    def control(self, kind: int, request: int, value: int, index: int) -> bytes:
        self.asked.append((kind, request, value, index))
        if self.refuses:
            raise fault(self.refuses)
        return b""


@dataclass
class Reader(Plugged):
    """A SAM reader: answers each frame that came through both pipes with the next of `answers`."""

    raw: bytes = SAM
    answers: list[bytes] = field(default_factory=list)
    step: int = 64
    """How many bytes a packet from it carries."""
    got: list[tuple[int, bytes]] = field(default_factory=list)
    """(pipe, bytes) in order."""
    said: dict[int, bytearray] = field(default_factory=lambda: {0x81: bytearray(), 0x85: bytearray()})

    def say(self, frame: bytes) -> None:
        with self.news:
            self.said[0x81] += frame[:7]
            self.said[0x85] += frame[7:]
            self.news.notify_all()

    def accept(self, endpoint: int, data: bytes, timeout: int) -> int:
        if self.then:
            raise fault(self.then)
        self.got.append((endpoint, data))
        if endpoint == 0x06 and self.answers:
            self.say(self.answers.pop(0))
        return len(data)

    def give(self, endpoint: int, room: int, timeout: int) -> bytes:
        said = self.said[endpoint]
        with self.news:
            self.news.wait_for(lambda: said or self.then, timeout / 1000)
            if self.then:
                raise fault(self.then)
            data = bytes(said[: self.step])
            del said[: self.step]
        if data:
            return data
        raise silence()


class Bus(usb.backend.IBackend):  # type: ignore[misc]
    def __init__(self, *devices: Plugged) -> None:
        self.devices = devices

    def enumerate_devices(self) -> Sequence[Plugged]:
        return self.devices

    def get_device_descriptor(self, dev: Plugged) -> SimpleNamespace:
        found = descriptors(dev.raw)[0]
        found.bus, found.address, found.port_number, found.port_numbers, found.speed = 1, 2, 1, (1,), 2
        found.iSerialNumber = 3 if dev.serial else 0
        return found

    def get_configuration_descriptor(self, dev: Plugged, config: int) -> SimpleNamespace:
        return [each for each in descriptors(dev.raw) if each.bDescriptorType == 2][config]

    def get_interface_descriptor(self, dev: Plugged, intf: int, alt: int, config: int) -> SimpleNamespace:
        kinds = [each for each in descriptors(dev.raw) if each.bDescriptorType == 4 and each.bInterfaceNumber == intf]
        return kinds[alt]

    def get_endpoint_descriptor(self, dev: Plugged, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        inside, found = False, []
        for each in descriptors(dev.raw):
            if each.bDescriptorType == 4:
                inside = (each.bInterfaceNumber, each.bAlternateSetting) == (intf, alt)
            elif each.bDescriptorType == 5 and inside:
                found.append(each)
        return found[ep]

    def open_device(self, dev: Plugged) -> Plugged:
        if dev.opening:
            raise fault(dev.opening)
        dev.handles += 1
        return dev

    def close_device(self, dev_handle: Plugged) -> None:
        dev_handle.handles -= 1

    def get_configuration(self, dev_handle: Plugged) -> int:
        return 1

    def is_kernel_driver_active(self, dev_handle: Plugged, intf: int) -> bool:
        return dev_handle.kernel_driver

    def detach_kernel_driver(self, dev_handle: Plugged, intf: int) -> None:
        dev_handle.kernel_driver = False

    def claim_interface(self, dev_handle: Plugged, intf: int) -> None:
        if dev_handle.kernel_driver or dev_handle.claimed:
            raise fault(errno.EBUSY)
        dev_handle.claimed = True
        dev_handle.interfaces.append(intf)

    def release_interface(self, dev_handle: Plugged, intf: int) -> None:
        dev_handle.claimed = False

    def set_interface_altsetting(self, dev_handle: Plugged, intf: int, altsetting: int) -> None:
        dev_handle.endpoints[-altsetting] += 1

    def clear_halt(self, dev_handle: Plugged, ep: int) -> None:
        dev_handle.cleared.append(ep)

    def bulk_write(self, dev_handle: Plugged, ep: int, intf: int, data: array.array[int], timeout: int) -> int:
        dev_handle.timeouts.append(timeout)
        dev_handle.endpoints[ep] += 1
        return dev_handle.accept(ep, data.tobytes(), timeout)

    def bulk_read(self, dev_handle: Plugged, ep: int, intf: int, buff: array.array[int], timeout: int) -> int:
        dev_handle.timeouts.append(timeout)
        dev_handle.endpoints[ep] += 1
        data = dev_handle.give(ep, len(buff), timeout)
        buff[: len(data)] = array.array("B", data)
        return len(data)

    intr_read = bulk_read

    def ctrl_transfer(
        self, handle: Plugged, kind: int, request: int, value: int, index: int, data: Any, ms: int
    ) -> int:
        handle.timeouts.append(ms)
        if (kind, request) == (0x80, 6):  # GET_DESCRIPTOR: the languages, or a string
            text = handle.serial.encode("utf-16-le") if value & 0xFF else b"\x04\x08"
            reply = bytes([len(text) + 2, 3]) + text
        else:
            reply = handle.control(kind, request, value, index)
        data[: len(reply)] = array.array("B", reply)
        return len(reply)
