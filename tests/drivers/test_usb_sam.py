"""ID-card readers on USB as links, on a bus that is not there. Real time: libusb blocks in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator

import pytest

from drivers.base import Misconfigured, Unreachable
from drivers.link import open_link
from drivers.usb_sam import SamLink, open_sam
from tests.drivers.fake_usb import SAM, Bus, Reader

URL = "sam://0400:c35a"
STATUS = bytes.fromhex("AA AA AA 96 69 00 03 11 FF ED")
GOOD = bytes.fromhex("AA AA AA 96 69 00 04 00 00 90 94")
NO_CARD = bytes.fromhex("AA AA AA 96 69 00 04 00 00 80 84")
CARD = bytes.fromhex("AA AA AA 96 69 05 08 00 00 90 01 00 04 00") + bytes(range(256)) * 5 + b"\x98"
"""As long as the reply with text and photo."""


@contextlib.asynccontextmanager
async def opened(reader: Reader) -> AsyncIterator[SamLink]:
    link = await open_sam(URL, Bus(reader))
    try:
        yield link
    finally:
        await link.close()
        await link.close()
    assert not reader.claimed
    assert reader.handles == 0
    assert all(0 < timeout <= 1000 for timeout in reader.timeouts), "0 is for ever"


async def heard(link: SamLink, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(5):
        while len(data) < size:
            data += await link.read()
    return data


async def test_a_frame_goes_through_both_pipes_and_comes_back_through_both() -> None:
    reader = Reader(answers=[GOOD, NO_CARD])
    async with opened(reader) as link:
        assert not reader.kernel_driver
        for answer in (GOOD, NO_CARD):
            await link.write(STATUS)
            assert await heard(link, len(answer)) == answer
    assert reader.got == [(0x02, STATUS[:7]), (0x06, STATUS[7:])] * 2


@pytest.mark.parametrize("step", [64, 512, 4096])
async def test_a_long_reply_is_one_stream_in_order_and_the_next_follows(step: int) -> None:
    reader = Reader(answers=[CARD, GOOD], step=step)
    async with opened(reader) as link:
        for answer in (CARD, GOOD):
            await link.write(STATUS)
            assert await heard(link, len(answer)) == answer


async def test_a_reply_that_comes_whole_through_one_pipe_is_not_waited_for_at_the_other() -> None:
    reader = Reader()
    async with opened(reader) as link:
        for _ in range(2):
            reader.said[0x81] += GOOD
            assert await heard(link, len(GOOD)) == GOOD


async def test_what_is_no_head_is_passed_on_and_brings_nothing_out_of_step() -> None:
    reader = Reader()
    async with opened(reader) as link:
        for noise in (b"\x00\x01\x02\x03\x04\x05\x06", GOOD[:3]):
            reader.said[0x81] += noise
            assert await heard(link, len(noise)) == noise
        reader.say(GOOD)
        assert await heard(link, len(GOOD)) == GOOD


async def test_a_reply_that_nobody_waited_for_is_gone() -> None:
    reader = Reader()
    reader.say(CARD[:300])
    async with opened(reader) as link:
        reader.say(GOOD)
        assert await heard(link, len(GOOD)) == GOOD


@pytest.mark.parametrize("error", [errno.ENODEV, errno.EIO], ids=["unplugged", "cable"])
async def test_an_unplugged_reader_is_unreachable(error: int) -> None:
    reader = Reader()
    async with opened(reader) as link:
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0.01)
        reader.unplug(error)
        with pytest.raises(Unreachable, match=errno.errorcode[error]):
            await asyncio.wait_for(reading, 5)
        with pytest.raises(Unreachable):
            await link.write(STATUS)


@pytest.mark.parametrize(
    ("reader", "error", "words"),
    [
        (Reader(opening=errno.EACCES), Misconfigured, 'ATTR{idVendor}=="0400", ATTR{idProduct}=="c35a"'),
        (Reader(opening=errno.ENODEV), Unreachable, "ENODEV"),
        (Reader(SAM.replace(bytes.fromhex("07058502"), bytes.fromhex("07058402"))), Misconfigured, "pipes"),
    ],
    ids=["no permission", "gone", "other pipes"],
)
async def test_a_reader_that_does_not_open(reader: Reader, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        await open_sam(URL, Bus(reader))
    assert words in str(caught.value)
    assert reader.handles == 0


@pytest.mark.parametrize("url", ["sam://", "sam://400:c35a", "sam:///dev/ttyUSB0", "sam://0400:c35a#1"])
async def test_a_wrong_url_says_what_to_write(url: str) -> None:
    with pytest.raises(Misconfigured, match="write sam://"):
        await open_link(url)
