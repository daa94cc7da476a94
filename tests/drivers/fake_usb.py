"""A USB printer behind pyusb's backend interface, with the descriptors of a real clone and faults on demand."""

from __future__ import annotations

import array
import errno
import threading
from collections import Counter
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

DEVICE = "bLength bDescriptorType bcdUSB:2 bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor:2 \
idProduct:2 bcdDevice:2 iManufacturer iProduct iSerialNumber bNumConfigurations"
CONFIGURATION = "bLength bDescriptorType wTotalLength:2 bNumInterfaces bConfigurationValue iConfiguration \
bmAttributes bMaxPower"
INTERFACE = "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass \
bInterfaceSubClass bInterfaceProtocol iInterface"
ENDPOINT = "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize:2 bInterval"
LAYOUTS = {1: DEVICE, 2: CONFIGURATION, 4: INTERFACE, 5: ENDPOINT}


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
class Printer:
    """One printer on the bus. Everything is called from the driver's thread; tests set what it does next."""

    raw: bytes = CLONE
    serial: str = ""
    status: bytes = bytes.fromhex("12 12 12 12")
    """What it answers to DLE EOT 1 to 4."""
    port: int | None = 0x18
    """GET_PORT_STATUS; None: it does not know the request."""
    barrier: bytes = b"\0"
    """The answer to GS r."""
    takes: int = 1 << 30
    """How many more bytes it takes; then it is silent, as with its cover open."""
    then: int = 0
    """The error after those bytes; 0 is silence."""
    opening: int = 0
    """The error when it is opened, such as EACCES."""
    empty_packets: bool = False
    """Answers an idle IN at once with nothing."""
    kernel_driver: bool = True
    claimed: bool = False
    handles: int = 0
    cleared: list[int] = field(default_factory=list)
    got: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    """What waits to be read."""
    timeouts: list[int] = field(default_factory=list)
    endpoints: Counter[int] = field(default_factory=Counter)
    news: threading.Condition = field(default_factory=threading.Condition)

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
        raise usb.core.USBTimeoutError("timed out", None, errno.ETIMEDOUT)

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
        raise usb.core.USBTimeoutError("timed out", None, errno.ETIMEDOUT)


class Bus(usb.backend.IBackend):  # type: ignore[misc]
    def __init__(self, *printers: Printer) -> None:
        self.printers = printers

    def enumerate_devices(self) -> Sequence[Printer]:
        return self.printers

    def get_device_descriptor(self, dev: Printer) -> SimpleNamespace:
        found = descriptors(dev.raw)[0]
        found.bus, found.address, found.port_number, found.port_numbers, found.speed = 1, 2, 1, (1,), 2
        found.iSerialNumber = 3 if dev.serial else 0
        return found

    def get_configuration_descriptor(self, dev: Printer, config: int) -> SimpleNamespace:
        return [each for each in descriptors(dev.raw) if each.bDescriptorType == 2][config]

    def get_interface_descriptor(self, dev: Printer, intf: int, alt: int, config: int) -> SimpleNamespace:
        kinds = [each for each in descriptors(dev.raw) if each.bDescriptorType == 4 and each.bInterfaceNumber == intf]
        return kinds[alt]

    def get_endpoint_descriptor(self, dev: Printer, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        inside, found = False, []
        for each in descriptors(dev.raw):
            if each.bDescriptorType == 4:
                inside = (each.bInterfaceNumber, each.bAlternateSetting) == (intf, alt)
            elif each.bDescriptorType == 5 and inside:
                found.append(each)
        return found[ep]

    def open_device(self, dev: Printer) -> Printer:
        if dev.opening:
            raise fault(dev.opening)
        dev.handles += 1
        return dev

    def close_device(self, dev_handle: Printer) -> None:
        dev_handle.handles -= 1

    def get_configuration(self, dev_handle: Printer) -> int:
        return 1

    def is_kernel_driver_active(self, dev_handle: Printer, intf: int) -> bool:
        return dev_handle.kernel_driver

    def detach_kernel_driver(self, dev_handle: Printer, intf: int) -> None:
        dev_handle.kernel_driver = False

    def claim_interface(self, dev_handle: Printer, intf: int) -> None:
        if dev_handle.kernel_driver or dev_handle.claimed:
            raise fault(errno.EBUSY)
        dev_handle.claimed = True

    def release_interface(self, dev_handle: Printer, intf: int) -> None:
        dev_handle.claimed = False

    def set_interface_altsetting(self, dev_handle: Printer, intf: int, altsetting: int) -> None:
        dev_handle.endpoints[-altsetting] += 1

    def clear_halt(self, dev_handle: Printer, ep: int) -> None:
        dev_handle.cleared.append(ep)

    def bulk_write(self, dev_handle: Printer, ep: int, intf: int, data: array.array[int], timeout: int) -> int:
        dev_handle.timeouts.append(timeout)
        dev_handle.endpoints[ep] += 1
        return dev_handle.write(data.tobytes(), timeout)

    def bulk_read(self, dev_handle: Printer, ep: int, intf: int, buff: array.array[int], timeout: int) -> int:
        dev_handle.timeouts.append(timeout)
        dev_handle.endpoints[ep] += 1
        data = dev_handle.read(len(buff), timeout)
        buff[: len(data)] = array.array("B", data)
        return len(data)

    def ctrl_transfer(
        self, handle: Printer, kind: int, request: int, value: int, index: int, data: Any, ms: int
    ) -> int:
        handle.timeouts.append(ms)
        reply = b""
        if (kind, request) == (0xA1, 1):  # GET_PORT_STATUS
            if handle.port is None:
                raise fault(errno.EPIPE)
            reply = bytes([handle.port])
        elif (kind, request) == (0x80, 6):  # GET_DESCRIPTOR: the languages, or a string
            text = handle.serial.encode("utf-16-le") if value & 0xFF else b"\x04\x08"
            reply = bytes([len(text) + 2, 3]) + text
        data[: len(reply)] = array.array("B", reply)
        return len(reply)
