"""A USB printer on a bus that umockdev makes up, run with the distribution's Python: it alone has the GObject bindings.

    umockdev-wrapper /usr/bin/python3 umockdev_printer.py PYTHON HOST

It plugs the printer in, runs the script HOST with PYTHON and libusb as they are, and writes on standard output, as
JSON, what the printer was sent and what the script wrote. The requests are those of linux/usbdevice_fs.h.
"""

from __future__ import annotations

import ctypes
import errno
import json
import subprocess
import sys
import threading
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # type: ignore[import-not-found]  # noqa: E402

DEVICE = """P: /devices/usb1/1-1
N: bus/usb/001/002
E: BUSNUM=001
E: DEVNAME=/dev/bus/usb/001/002
E: DEVNUM=002
E: DEVTYPE=usb_device
E: DRIVER=usb
E: ID_VENDOR_ID=0416
E: ID_MODEL_ID=5011
E: PRODUCT=416/5011/100
E: SUBSYSTEM=usb
A: bConfigurationValue=1
A: bDeviceClass=00
A: bNumConfigurations=1
A: bNumInterfaces=1
A: busnum=1
A: devnum=2
A: idProduct=5011
A: idVendor=0416
A: speed=12
H: descriptors=12010002000000401604115000010000000109022000010100C0320904000002070102000705010240000007058202400000
"""


class Urb(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_ubyte),
        ("endpoint", ctypes.c_ubyte),
        ("status", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("buffer", ctypes.c_void_p),
        ("buffer_length", ctypes.c_int),
        ("actual_length", ctypes.c_int),
        ("start_frame", ctypes.c_int),
        ("number_of_packets", ctypes.c_int),
        ("error_count", ctypes.c_int),
        ("signr", ctypes.c_uint),
        ("usercontext", ctypes.c_void_p),
    )


def request(direction: int, number: int, size: int) -> int:
    """The number of an ioctl, as _IOC in asm-generic/ioctl.h packs it."""
    return direction << 30 | size << 16 | ord("U") << 8 | number


POINTER = ctypes.sizeof(ctypes.c_void_p)
CLAIM, RELEASE, CAPABILITIES = request(2, 15, 4), request(2, 16, 4), request(2, 26, 4)
GET_DRIVER, IOCTL = request(1, 8, 260), request(3, 18, 8 + POINTER)
SUBMIT, REAP, DISCARD = request(2, 10, ctypes.sizeof(Urb)), request(1, 13, POINTER), request(0, 11, 0)
CONTROL, BULK_IN = 2, 0x82


class Printer(UMockdev.IoctlBase):  # type: ignore[misc]
    """Answers DLE EOT and GS r; after its first job its port says once that paper is out, then it is unplugged."""

    def __init__(self) -> None:
        super().__init__()
        self.got, self.said = bytearray(), bytearray()
        self.driver, self.claims, self.port, self.gone = "usblp", 0, 0x18, False
        self.flying: list[Any] = []
        self.discarded: list[Any] = []

    def do_handle_ioctl(self, client: Any) -> bool:
        number = client.get_request()
        size = number >> 16 & 0x3FFF
        argument = client.get_arg()
        data = argument.resolve(0, size) if size and number != REAP else argument
        error = self._act(number, argument, data)
        client.complete(-1 if error else 0, error)
        return True

    def _act(self, number: int, argument: Any, data: Any) -> int:
        """The errno; 0 when it went well."""
        if number == SUBMIT and not self.gone:
            self.flying.append(data)
        elif number == SUBMIT:
            return errno.ENODEV
        elif number == DISCARD:
            return self._discard(int.from_bytes(bytes(argument.retrieve()), sys.byteorder))
        elif number == REAP:
            return self._reap(argument)
        else:
            return self._claim(number, data)
        return 0

    def _claim(self, number: int, data: Any) -> int:
        if number == CAPABILITIES:
            data.update(0, [0, 0, 0, 0])
        elif number == GET_DRIVER and self.driver:
            data.update(4, list(self.driver.encode() + b"\0"))
        elif number == IOCTL:
            self.driver = ""  # USBDEVFS_DISCONNECT
        elif number == RELEASE or (number == CLAIM and not self.driver):
            self.claims += 1 if number == CLAIM else -1
        else:
            return {GET_DRIVER: errno.ENODATA, CLAIM: errno.EBUSY}.get(number, errno.ENOTTY)
        return 0

    def _discard(self, address: int) -> int:
        for data in self.flying:
            if data.client_addr == address:
                self.flying.remove(data)
                self.discarded.append(data)
                return 0
        return errno.EINVAL

    def _reap(self, argument: Any) -> int:
        if self.discarded:
            return self._hand_back(argument, self.discarded.pop(0), -errno.ENOENT, 0)
        for data in self.flying:
            urb = Urb.from_buffer_copy(bytes(data.retrieve()))
            if urb.endpoint != BULK_IN or self.said:
                self.flying.remove(data)
                return self._hand_back(argument, data, 0, self._transfer(data, urb))
        return errno.EAGAIN

    def _hand_back(self, argument: Any, data: Any, status: int, length: int) -> int:
        data.update(Urb.status.offset, list(status.to_bytes(4, sys.byteorder, signed=True)))
        data.update(Urb.actual_length.offset, list(length.to_bytes(4, sys.byteorder)))
        argument.resolve(0, POINTER).set_ptr(0, data)
        return 0

    def _transfer(self, data: Any, urb: Urb) -> int:
        """How many bytes went."""
        buffer = data.resolve(Urb.buffer.offset, urb.buffer_length)
        if urb.type == CONTROL:
            setup = bytes(buffer.retrieve())[:8]
            if setup[:2] == b"\xa1\x01":  # GET_PORT_STATUS
                buffer.update(8, [self.port])
                self.gone = self.port != 0x18
            return 1
        if urb.endpoint == BULK_IN:
            said = self.said[: urb.buffer_length]
            del self.said[: len(said)]
            buffer.update(0, list(said))
            return len(said)
        self._hear(bytes(buffer.retrieve()))
        return int(urb.buffer_length)

    def _hear(self, data: bytes) -> None:
        self.got += data
        if data[:2] == b"\x10\x04":
            self.said.append(0x12)
        elif data.endswith(b"\x1d\x72\x01"):
            self.said.append(0)
            self.port = 0x30 if len(data) > 3 else 0x18


def main(python: str, host: str) -> None:
    printer, bus = Printer(), UMockdev.Testbed.new()
    bus.add_from_string(DEVICE)
    bus.attach_ioctl("/dev/bus/usb/001/002", printer)
    loop = GLib.MainLoop()
    serving = threading.Thread(target=loop.run)
    serving.start()
    try:
        done = subprocess.run([python, "-c", host], stdout=subprocess.PIPE, text=True, check=False, timeout=50)
    finally:
        loop.quit()
        serving.join()
    story = {"host": done.stdout.split(), "got": printer.got.hex(), "claims": printer.claims, "driver": printer.driver}
    sys.stdout.write(json.dumps(story))


if __name__ == "__main__":
    main(*sys.argv[1:])
