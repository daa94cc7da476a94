"""The simulated loudspeaker against files of other programs, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
import math
from array import array
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.voice import SIMULATOR, Deframer, Loudspeaker, Refused, samples_of
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame.raw for frame in golden.load("voice")}
EIGHT = GOLDEN["eight samples, mono, 22.05 kHz"]
SLOW = GOLDEN["mono, 11.025 kHz"]


def wav(samples: array[int], rate: int = 22050) -> bytes:
    """Laid out by hand from the format's description."""
    data = samples.tobytes()
    numbers = (rate.to_bytes(4, "little"), (2 * rate).to_bytes(4, "little"))
    head = b"WAVEfmt \x10\0\0\0\x01\0\x01\0" + b"".join(numbers) + b"\x02\0\x10\0data"
    return b"RIFF" + (40 + len(data) - 4).to_bytes(4, "little") + head + len(data).to_bytes(4, "little") + data


def second_of(level: int) -> bytes:
    return wav(array("h", [level, -level] * 11025))


@contextlib.asynccontextmanager
async def loudspeaker() -> AsyncIterator[tuple[Loudspeaker, End]]:
    simulator = Loudspeaker("hall", {})
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def play(link: End, *files: bytes) -> None:
    for file in files:
        await link.write(file)
    await asyncio.sleep(0.01)


def test_the_hand_made_file_is_laid_out_as_a_strangers() -> None:
    assert wav(array("h", [0, 1000, -1000, 32767, -32768, 5, -5, 0])) == EIGHT


@pytest.mark.parametrize(("file", "rate", "count"), [(EIGHT, 22050, 8), (SLOW, 11025, 3)])
def test_strangers_files_are_heard(file: bytes, rate: int, count: int) -> None:
    samples, heard_rate = samples_of(file)
    assert (len(samples), heard_rate) == (count, rate)
    assert list(samples[:2]) == [0, 1000]


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(GOLDEN["stereo, 44.1 kHz"], id="stereo"),
        pytest.param(GOLDEN["eight bits"], id="eight bits"),
        pytest.param(GOLDEN["24 bits, extensible"], id="24 bits"),
        pytest.param(GOLDEN["of unknown length, as it is streamed"], id="no length"),
        pytest.param(EIGHT[:-1], id="cut"),
        pytest.param(EIGHT[:8] + b"AVI " + EIGHT[12:], id="no WAVE"),
        pytest.param(EIGHT[:36], id="no data"),
        pytest.param(EIGHT[:12] + EIGHT[36:], id="no fmt"),
        pytest.param(EIGHT[:28] + b"\0\0\0\0" + EIGHT[32:], id="bytes a second"),
        pytest.param(wav(array("h", [1]), 4000), id="4 kHz"),
    ],
)
def test_what_it_cannot_play_is_refused(file: bytes) -> None:
    with pytest.raises(Refused):
        samples_of(file)


def test_other_chunks_are_skipped_with_their_padding() -> None:
    note = b"LIST\x03\0\0\0abc\0"
    assert list(samples_of(EIGHT[:12] + note + EIGHT[12:])[0][:3]) == [0, 1000, -1000]


@given(st.data(), st.lists(st.sampled_from([EIGHT, SLOW, b"noise", b"RIF"]), max_size=6))
def test_any_split_gives_the_same_files(data: st.DataObject, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    cut, found, rest = Deframer(), [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert found == Deframer().feed(stream) == [part for part in parts if part in (EIGHT, SLOW)]


@given(st.binary(max_size=200))
def test_garbage_is_survived(junk: bytes) -> None:
    deframer = Deframer()
    deframer.feed(junk.replace(b"RIFF", b"RIFE") + b"RIFF\xff\xff\xff\xff")
    assert deframer.feed(EIGHT)[-1:] == [EIGHT]
    with contextlib.suppress(Refused):
        samples_of(EIGHT[:12] + junk)


@pytest.mark.looptime
async def test_it_tells_length_peak_and_loudness() -> None:
    async with loudspeaker() as (simulator, link):
        await play(link, second_of(16384))
        heard = simulator.heard[0]
        assert (heard.seconds, heard.peak) == (1.0, 0.5)
        assert heard.loudness == pytest.approx(20 * math.log10(0.5))
        assert simulator.state()["sounding"]
        await asyncio.sleep(1)
        assert not simulator.state()["sounding"]
        assert simulator.state()["heard"][0]["ago_s"] == pytest.approx(1, abs=0.1)


@pytest.mark.looptime
async def test_a_second_file_waits_for_the_first_and_that_is_counted() -> None:
    async with loudspeaker() as (simulator, link):
        await play(link, second_of(1), second_of(1))
        assert simulator.waited == 1
        assert simulator.heard[1].at == simulator.heard[0].at + 1
        await asyncio.sleep(2)
        await play(link, second_of(1))
        assert simulator.waited == 1


@pytest.mark.looptime
async def test_the_last_twenty_can_be_listened_to() -> None:
    async with loudspeaker() as (simulator, link):
        files = [wav(array("h", [level])) for level in range(25)]
        await play(link, *files)
        assert [simulator.wav(n) for n in range(20)] == files[:4:-1]
        assert simulator.count == 25
        for n in (20, -1):
            with pytest.raises(IndexError):
                simulator.wav(n)


@pytest.mark.looptime
async def test_what_is_no_sound_is_told() -> None:
    async with loudspeaker() as (simulator, link):
        await play(link, b"noise", GOLDEN["stereo, 44.1 kHz"], EIGHT, wav(array("h")))
        assert simulator.count == 2
        assert simulator.garbage == 5
        assert "2 channels" in simulator.refused[0]
        assert simulator.heard[-1].loudness == -99


@pytest.mark.looptime
async def test_unplugged_it_hears_nothing_and_no_half_file_later() -> None:
    async with loudspeaker() as (simulator, link):
        await play(link, EIGHT[:20])
        simulator.control("unplug")
        await play(link, EIGHT[20:])
        simulator.control("unplug")
        await play(link, EIGHT)
        assert (simulator.count, simulator.state()["unplugged"]) == (1, False)
        with pytest.raises(KeyError):
            simulator.control("paper")


@pytest.mark.looptime
async def test_the_picture_says_when_and_how_long() -> None:
    async with loudspeaker() as (simulator, link):
        assert "还没有响过" in simulator.picture()
        await play(link, second_of(20000))
        assert "正在响 · 1.0 秒" in simulator.picture()
        await asyncio.sleep(30)
        assert "30 秒前" in simulator.picture()
        await asyncio.sleep(120)
        assert "2 分钟前" in simulator.picture()
        ElementTree.fromstring(simulator.picture())


def test_it_is_made_like_every_simulator() -> None:
    assert SIMULATOR is Loudspeaker
    assert [each["name"] for each in SIMULATOR("hall", {}).controls()] == ["unplug"]
