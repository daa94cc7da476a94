"""Alpha signs: the device against a scripted sign in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.alpha import DEVICE, Alpha
from drivers.base import Misconfigured, TextScreen, Unreachable
from simulators.port import Gone
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame for frame in golden.load("alpha")}
CALL, CALL_03 = GOLDEN["A001 3, all signs"].raw, GOLDEN["A001 -> 3, sign 03"].raw
RELEASE, ASK = GOLDEN["release, all signs"].raw, GOLDEN["read general information"].raw
INFORMATION = GOLDEN["answer: general information"].raw
OTHER_ANSWER = GOLDEN["answer: a STRING file"].raw


async def opened(**options: Any) -> tuple[Alpha, End]:
    link, wire = pair()

    async def opener() -> End:
        return link

    sign = Alpha(opener, options)
    await sign.__aenter__()
    return sign, wire


async def heard(wire: End, seconds: float = 0.5) -> bytes:
    """Everything the host says within that time."""
    data = b""
    try:
        async with asyncio.timeout(seconds):
            while True:
                data += await wire.read()
    except TimeoutError:
        return data


async def closed(wire: End) -> bool:
    """Whether the driver hung up; what it said before is read away."""
    try:
        await heard(wire, 0.1)
    except Gone:
        return True
    return False


def now() -> float:
    return asyncio.get_running_loop().time()


async def listening(sign: Alpha) -> asyncio.Task[Any]:
    """Somebody iterates the events, as the hub does."""
    task = asyncio.create_task(anext(sign.events()))
    await asyncio.sleep(0)
    return task


async def left(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_it_is_a_text_screen() -> None:
    assert DEVICE is Alpha
    assert issubclass(Alpha, TextScreen)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("address", "text", "sent"),
    [
        (0, "A001 3", CALL),
        (0, "请A001号到3号窗口", CALL),
        (3, "A001 -> 3", CALL_03),
        (255, "A001 window 3", GOLDEN["A001 window 3, sign FF"].raw),
        (0, "", RELEASE),
        (0, "暂停服务", RELEASE),
    ],
)
async def test_show_sends_the_golden_bytes(address: int, text: str, sent: bytes) -> None:
    sign, wire = await opened()
    await sign.show(address, text)
    assert await heard(wire) == sent
    assert sign.counters.bytes_out == len(sent)


@pytest.mark.looptime
async def test_what_cannot_be_shown_is_counted() -> None:
    sign, wire = await opened()
    await sign.show(0, "请A001号到3号窗口")
    assert sign.dropped == 6
    await sign.show(0, "中" + "a" * 200)
    assert sign.dropped == 6 + 1 + 78
    [block] = [part for part in (await heard(wire)).split(b"\x02") if part.startswith(b"A0\x1b ba")]
    assert len(block.split(b"\x03")[0]) - len(b"A0") <= 125


@pytest.mark.looptime
async def test_packets_keep_their_distance_after_the_last_byte_on_the_air() -> None:
    sign, wire = await opened(gap_ms=250)
    showing = [asyncio.create_task(sign.show(0, "A001 3")), asyncio.create_task(sign.show(3, "A001 -> 3"))]
    assert await wire.read() == CALL
    first = now()
    assert await wire.read() == CALL_03
    assert len(CALL) * 10 / 9600 + 0.25 - 0.001 <= now() - first < 0.4
    await asyncio.gather(*showing)


@pytest.mark.looptime
@pytest.mark.parametrize("address", [-1, 256])
async def test_a_wrong_address_is_misconfigured(address: int) -> None:
    sign, wire = await opened()
    with pytest.raises(Misconfigured):
        await sign.show(address, "A001 3")
    assert not await closed(wire)


# ---- a sign that never speaks


@pytest.mark.looptime
async def test_a_quiet_sign_is_never_asked_and_never_missed() -> None:
    sign, wire = await opened()
    task = await listening(sign)
    assert await heard(wire, 3600) == b""
    assert not task.done()
    await left(task)


@pytest.mark.looptime
async def test_what_a_quiet_sign_says_all_the_same_is_counted() -> None:
    sign, wire = await opened()
    task = await listening(sign)
    await wire.write(INFORMATION + b"noise" + OTHER_ANSWER[:-3])
    await sign.show(0, "A001 3")
    assert await heard(wire) == CALL
    assert (sign.ignored, sign.counters.frames_in, sign.counters.garbage) == (1, 1, 5)
    await left(task)


@pytest.mark.looptime
async def test_a_line_that_hangs_up_is_unreachable() -> None:
    sign, wire = await opened()
    task = await listening(sign)
    await wire.close()
    with pytest.raises(Unreachable):
        await task
    with pytest.raises(Unreachable):
        await sign.show(0, "A001 3")


# ---- a sign that answers


@pytest.mark.looptime
async def test_an_answering_sign_is_asked_at_every_poll() -> None:
    sign, wire = await opened(answers=True, poll_s=30.0)
    task = await listening(sign)
    for nth in range(3):
        assert await wire.read() == ASK
        assert 30 * nth <= now() < 31 * nth + 1  # an answer takes two thirds of a second here
        await wire.write(bytes(20))  # the NULs come first, and all of it in pieces
        await asyncio.sleep(1 / 3)
        await wire.write(INFORMATION[20:30])
        await asyncio.sleep(1 / 3)
        await wire.write(INFORMATION[30:])
    assert await wire.read() == ASK
    assert not task.done()
    assert sign.counters.frames_in == 3
    await left(task)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="silence"),
        pytest.param(OTHER_ANSWER, id="an answer to another question"),
        pytest.param(GOLDEN["read general information, BetaBrite"].raw, id="a question"),
        pytest.param(b'\x01Z00\x02E"\x04', id="a write of another host"),
        pytest.param(INFORMATION.replace(b"B01", b"C01"), id="a wrong checksum"),
        pytest.param(b"\x06\x40", id="an acknowledgement"),
    ],
)
async def test_a_sign_that_should_answer_and_does_not_is_unreachable(answer: bytes) -> None:
    sign, wire = await opened(answers=True)
    task = await listening(sign)
    assert await wire.read() == ASK
    await wire.write(answer)
    with pytest.raises(Unreachable):
        await task
    assert 3 <= now() < 3.2
    assert await closed(wire)


@pytest.mark.looptime
async def test_what_came_before_the_question_is_no_answer() -> None:
    sign, wire = await opened(answers=True)
    await wire.write(INFORMATION + INFORMATION[:30])
    task = await listening(sign)
    assert await wire.read() == ASK
    await wire.write(INFORMATION[30:])
    with pytest.raises(Unreachable):
        await task
    assert now() < 4  # so it was the first question that got no answer
    assert sign.ignored == 1


@pytest.mark.looptime
async def test_a_text_waits_for_the_answer_and_a_poll_for_the_text() -> None:
    sign, wire = await opened(answers=True, poll_s=0.01)
    task = await listening(sign)
    assert await wire.read() == ASK
    showing = asyncio.create_task(sign.show(0, "A001 3"))
    assert await heard(wire, 1) == b""
    await wire.write(INFORMATION)
    assert await wire.read() == CALL
    shown = now()
    assert await wire.read() == ASK
    assert now() - shown >= 0.1
    await showing
    await left(task)


@pytest.mark.looptime
async def test_leaving_in_the_middle_of_a_question_hangs_up() -> None:
    sign, wire = await opened(answers=True)
    task = await listening(sign)
    assert await wire.read() == ASK
    await left(task)
    assert await closed(wire)


# ---- a line that takes no bytes


class Stuffed:
    """A link that takes no bytes."""

    closed = False

    async def open(self) -> Stuffed:
        return self

    async def read(self) -> bytes:
        raise AssertionError("nobody reads")

    async def write(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


@pytest.mark.looptime
async def test_a_line_that_takes_no_bytes_is_hung_up() -> None:
    link = Stuffed()
    async with Alpha(link.open) as sign:
        with pytest.raises(Unreachable):
            await sign.show(0, "A001 3")
        assert link.closed


@pytest.mark.looptime
async def test_cancelling_in_the_middle_of_a_packet_hangs_up() -> None:
    link = Stuffed()
    async with Alpha(link.open) as sign:
        showing = asyncio.create_task(sign.show(0, "A001 3"))
        await asyncio.sleep(0.1)
        showing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await showing
        assert link.closed


@pytest.mark.looptime
async def test_cancelling_one_that_still_waits_for_its_gap_disturbs_nobody() -> None:
    sign, wire = await opened(gap_ms=1000)
    await sign.show(0, "A001 3")
    showing = asyncio.create_task(sign.show(3, "A001 -> 3"))
    await asyncio.sleep(0.1)
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    await sign.show(3, "A001 -> 3")
    assert await heard(wire) == CALL + CALL_03
