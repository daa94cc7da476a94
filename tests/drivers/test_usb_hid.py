"""Keypads on USB as links, on a bus that is not there. Real time: libusb blocks in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator

import pytest

from drivers.base import Misconfigured, Unreachable
from drivers.link import open_link
from drivers.usb_hid import HidLink, open_hid
from tests import frames_toml as golden
from tests.drivers.fake_usb import CLONE, K120, Bus, Keypad, Plugged, Printer

URL = "hid://046d:c31c"
GOLDEN = {frame.name: frame.raw for frame in golden.load("hid")}
ONE, NONE, EIGHT = GOLDEN["key 1"], GOLDEN["no key"], GOLDEN["key 8"]


@contextlib.asynccontextmanager
async def opened(keypad: Plugged) -> AsyncIterator[HidLink]:
    link = await open_hid(URL, Bus(keypad))
    try:
        yield link
    finally:
        await link.close()
        await link.close()
    assert not keypad.claimed
    assert keypad.handles == 0
    assert all(0 < timeout <= 1000 for timeout in keypad.timeouts), "0 is for ever"


def with_packets(size: int) -> bytes:
    return K120.replace(bytes.fromhex("07058103 0800"), bytes.fromhex("07058103") + size.to_bytes(2, "little"))


async def test_it_takes_the_boot_keyboard_from_the_kernel_and_asks_for_boot_reports() -> None:
    keypad = Keypad()
    async with opened(keypad):
        assert keypad.claimed
        assert not keypad.kernel_driver
    assert keypad.interfaces == [0]
    assert keypad.asked == [(0x21, 0x0B, 0, 0), (0x21, 0x0A, 0, 0)]  # HID 1.11, 7.2.6 and 7.2.4
    assert set(keypad.endpoints) == {0x81}


async def test_it_is_the_boot_keyboard_wherever_it_stands() -> None:
    swapped = K120[:27] + K120[52:] + K120[27:52]
    swapped = swapped.replace(bytes.fromhex("0904000001030101"), bytes.fromhex("0904010001030101"))
    swapped = swapped.replace(bytes.fromhex("0904010001030000"), bytes.fromhex("0904000001030000"))
    keypad = Keypad(swapped)
    async with opened(keypad) as link:
        keypad.press(ONE)
        assert await link.read() == ONE
    assert (keypad.interfaces, [asked[3] for asked in keypad.asked]) == ([1], [1, 1])


@pytest.mark.parametrize("size", [4, 8, 16, 64])
async def test_each_read_is_one_report_however_large_the_packets(size: int) -> None:
    keypad = Keypad(with_packets(size), packet=size)
    async with opened(keypad) as link:
        keypad.press(ONE, NONE, EIGHT, NONE)
        async with asyncio.timeout(1):
            assert [await link.read() for _ in range(4)] == [ONE, NONE, EIGHT, NONE]


async def test_what_is_the_makers_own_is_taken_away_and_what_is_too_short_is_no_report() -> None:
    keypad = Keypad(with_packets(16), packet=16)
    async with opened(keypad) as link:
        keypad.press(b"\x01\x00\x1e", ONE[:1] + b"\x7f" + ONE[2:] + b"more")
        assert await link.read() == ONE


@pytest.mark.parametrize("error", [errno.EPIPE, errno.ETIMEDOUT], ids=["refused", "not answered"])
async def test_a_keypad_that_knows_no_boot_protocol_is_read_as_it_is(error: int) -> None:
    keypad = Keypad(refuses=error)
    async with opened(keypad) as link:
        keypad.press(ONE)
        assert await link.read() == ONE
    assert len(keypad.asked) == 2


async def test_what_was_pressed_before_it_was_opened_is_no_press() -> None:
    keypad = Keypad()
    keypad.press(EIGHT)
    async with opened(keypad) as link:
        keypad.press(ONE)
        assert await link.read() == ONE


async def test_a_reader_that_gives_up_loses_nothing() -> None:
    keypad = Keypad()
    async with opened(keypad) as link:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.read(), 0.01)
        keypad.press(ONE)
        assert await link.read() == ONE


async def test_nothing_is_written_to_it() -> None:
    keypad = Keypad()
    async with opened(keypad) as link:
        await link.write(b"\x01")
    assert set(keypad.endpoints) == {0x81}


@pytest.mark.parametrize("error", [errno.ENODEV, errno.EIO], ids=["unplugged", "cable"])
async def test_an_unplugged_keypad_is_unreachable(error: int) -> None:
    keypad = Keypad()
    async with opened(keypad) as link:
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0.01)
        keypad.unplug(error)
        with pytest.raises(Unreachable, match=f"046d:c31c.*{errno.errorcode[error]}"):
            await asyncio.wait_for(reading, 5)


async def test_closing_ends_a_read() -> None:
    async with opened(Keypad()) as link:
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0.01)
        await link.close()
        with pytest.raises(Unreachable):
            await asyncio.wait_for(reading, 5)


@pytest.mark.parametrize(
    ("keypad", "error", "words"),
    [
        (Keypad(opening=errno.EACCES), Misconfigured, 'ATTR{idVendor}=="046d", ATTR{idProduct}=="c31c"'),
        (Keypad(opening=errno.ENODEV), Unreachable, "ENODEV"),
        (Keypad(refuses=errno.ENODEV), Unreachable, "ENODEV"),
        (Keypad(claimed=True, kernel_driver=False), Unreachable, "EBUSY"),
        (Keypad(K120.replace(bytes.fromhex("030101"), bytes.fromhex("030102"))), Misconfigured, "class 3"),
        (Keypad(K120.replace(bytes.fromhex("07058103"), bytes.fromhex("07050103"))), Misconfigured, "class 3"),
    ],
    ids=["no permission", "gone", "gone while it is told", "in other hands", "a mouse", "no way in"],
)
async def test_a_keypad_that_does_not_open(keypad: Keypad, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        await open_hid(URL, Bus(keypad))
    assert words in str(caught.value)
    assert keypad.handles == 0


async def test_which_of_several_is_told_by_its_serial_number() -> None:
    one, two = Keypad(serial="A"), Keypad(serial="B")
    with pytest.raises(Misconfigured, match="serial number"):
        await open_hid(URL, Bus(one, two))
    link = await open_hid(f"{URL}/B", Bus(one, two))
    assert (one.claimed, two.claimed) == (False, True)
    await link.close()


async def test_a_printer_is_no_keypad_and_one_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Misconfigured, match="boot keyboard"):
        await open_hid("hid://0416:5011", Bus(Printer(CLONE)))
    with pytest.raises(Unreachable, match="no USB device 0416:5012"):
        await open_hid("hid://0416:5012", Bus(Printer(CLONE)))


@pytest.mark.parametrize("url", ["hid://", "hid://46d:c31c", "hid:///dev/hidraw0", "hid://046d:c31c?port=1"])
async def test_a_wrong_url_says_what_to_write(url: str) -> None:
    with pytest.raises(Misconfigured, match="write hid://"):
        await open_link(url)
