"""Loudspeaker: sound in numbers, recordings by longest match, the real espeak-ng, and the device in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import math
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import voice
from drivers.base import Condition, Misconfigured, ProtocolError, Rejected, Speech, Unreachable, Voice
from drivers.voice import (
    DEVICE,
    RATE,
    Loudspeaker,
    announcement,
    chime,
    phonemes,
    read_wav,
    resample,
    tokens,
    write_wav,
)
from edge.notices.spoken import ORDER, call_sentence
from simulators.voice import SIMULATOR as SimulatedLoudspeaker
from tests import frames_toml as golden
from tests.wire import pair

GOLDEN = {frame.name: frame for frame in golden.load("voice")}
PLAYABLE = [frame for frame in GOLDEN.values() if frame.means]
UNPLAYABLE = [frame for frame in GOLDEN.values() if not frame.means]
CALL = "请A零零一号到一楼三号社保窗口"

# ---- WAV


@pytest.mark.parametrize("frame", PLAYABLE, ids=str)
def test_every_playable_file_is_heard_at_our_rate(frame: golden.Frame) -> None:
    assert list(read_wav(frame.raw)) == frame.means["samples"]


@pytest.mark.parametrize("frame", UNPLAYABLE, ids=str)
def test_other_files_are_refused(frame: golden.Frame) -> None:
    with pytest.raises(ProtocolError):
        read_wav(frame.raw)


def test_our_files_are_those_of_a_stranger() -> None:
    frame = GOLDEN["eight samples, mono, 22.05 kHz"]
    assert write_wav(array("h", frame.means["samples"])) == frame.raw


@given(st.sampled_from(list(GOLDEN.values())), st.integers(0, 120), st.binary(max_size=8))
def test_garbage_is_a_protocol_error(frame: golden.Frame, at: int, junk: bytes) -> None:
    for data in (frame.raw[:at], frame.raw[:at] + junk + frame.raw[at + len(junk) :], junk):
        with contextlib.suppress(ProtocolError):
            read_wav(data)


@given(st.lists(st.integers(-32768, 32767), max_size=300), st.integers(8000, 48000))
def test_resampling_keeps_length_and_range(samples: list[int], rate: int) -> None:
    heard = resample(array("h", samples), rate)
    assert abs(len(heard) - len(samples) * RATE / rate) <= 1
    assert not heard or min(samples) <= min(heard) <= max(heard) <= max(samples)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_resampling_keeps_the_pitch(rate: int) -> None:
    tone = array("h", (int(20000 * math.sin(math.tau * 440 * at / rate)) for at in range(rate // 2)))
    heard = resample(tone, rate)
    assert strength(heard, 440) > 50 * max(strength(heard, 440 * share) for share in (0.5, 0.9, 1.1, 2))


# ---- chime and volume


def strength(samples: Sequence[int], hz: float) -> float:
    """How much of this tone there is (Goertzel)."""
    turn = 2 * math.cos(math.tau * hz / RATE)
    one = two = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
    return one * one + two * two - turn * one * two


def test_the_chime_is_two_falling_tones() -> None:
    first, second = chime()[: len(chime()) // 2], chime()[len(chime()) // 2 :]
    assert 0.5 <= len(chime()) / RATE <= 1
    high, low = voice.TONES_HZ
    assert high > low
    assert strength(first, high) > 20 * strength(first, low)
    assert strength(second, low) > 20 * strength(second, high)


def test_the_chime_neither_clicks_nor_clips() -> None:
    sound = chime()
    assert 0.3 < max(map(abs, sound)) / 32767 < 0.6
    assert max(abs(after - before) for before, after in pairwise(sound)) < 4000
    assert abs(sound[-1]) < 50


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=50), st.integers(-5, 120))
def test_volume_scales_every_sample(samples: list[int], volume: int) -> None:
    heard = announcement({"chime": False, "times": 1}, array("h", samples), volume)
    share = min(100, max(0, volume)) / 100
    assert all(abs(loud - sample * share) < 1 for loud, sample in zip(heard[-len(samples) :], samples, strict=True))


def test_an_announcement_is_chime_words_pause_words() -> None:
    words = array("h", [1000] * 100)
    heard = announcement({}, words, 100)
    assert heard[: len(chime())] == chime()
    assert heard.count(1000) - chime().count(1000) == 200
    assert heard[-100:] == words
    assert set(heard[-100 - RATE : -100]) == {0}
    assert announcement({"times": 1}, words, 100) == heard[: len(heard) - 100 - RATE]
    assert announcement({}, None, 100) == chime()


def test_an_endless_announcement_is_cut() -> None:
    assert len(announcement({}, array("h", [1]) * RATE * 100, 100)) == 60 * RATE


# ---- recordings


@pytest.mark.parametrize(
    ("text", "names", "pieces"),
    [
        ("请A零号到社保窗口", "请 A 零 号 到 窗口 社保窗口 号到", ["请", "A", "零", "号到", "社保窗口"]),
        ("社保窗口", "社 保 窗口 社保", ["社保", "窗口"]),
        ("a B零", "A B 零", ["A", "B", "零"]),
        ("请，到。", "请 到", ["请", "，", "到", "。"]),
        ("请A零号", "请 零 号", None),
        ("请A零号", "", None),
        ("请.*", "请 *", ["请", ".", "*"]),
    ],
)
def test_the_longest_recording_wins(text: str, names: str, pieces: list[str] | None) -> None:
    assert tokens(text, names.split()) == pieces


@given(st.lists(st.text("请到号窗口A", min_size=1, max_size=3), min_size=1), st.text("请到号窗口A，", max_size=20))
def test_pieces_say_the_text_and_nothing_else(names: list[str], text: str) -> None:
    pieces = tokens(text, names)
    assert pieces is None or "".join(pieces) == text


def record(folder: Path, **clips: list[int]) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    for name, samples in clips.items():
        (folder / f"{name}.wav").write_bytes(write_wav(array("h", samples)))
    return {"clips": str(folder), "chime": False, "times": 1}


def words_of(wav: bytes) -> list[int]:
    """The samples after the short silence before the words."""
    return list(read_wav(wav))[int(0.2 * RATE) :]


@pytest.fixture
def mute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without espeak-ng; a program put into this folder is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def test_recordings_are_put_together(tmp_path: Path, mute: Path) -> None:
    options = record(tmp_path / "clips", 请=[1, 1], A=[2], 零=[3], 号到=[4, 4], 号=[9], 社保窗口=[5], 社=[9])
    wav = await Loudspeaker.render(options, Speech("请A零零号到社保窗口", 100))
    assert words_of(wav) == [1, 1, 2, 3, 3, 4, 4, 5]


async def test_punctuation_is_a_pause(tmp_path: Path, mute: Path) -> None:
    options = record(tmp_path / "clips", 请=[1], 到=[2])
    heard = words_of(await Loudspeaker.render(options, Speech("请，到", 100)))
    assert [heard[0], heard[-1]] == [1, 2]
    assert set(heard[1:-1]) == {0}
    assert len(heard) > 0.1 * RATE


async def test_recordings_of_other_rates_fit_in(tmp_path: Path, mute: Path) -> None:
    options = record(tmp_path / "clips", 请=[7])
    (tmp_path / "clips" / "到.WAV").write_bytes(GOLDEN["stereo, 44.1 kHz"].raw)
    assert words_of(await Loudspeaker.render(options, Speech("请到", 100))) == [7, 300, -400]


async def test_one_missing_recording_leaves_the_sentence_to_espeak(tmp_path: Path, mute: Path) -> None:
    options = record(tmp_path / "clips", 请=[1], 号=[2])
    spoken = tmp_path / "spoken.wav"
    spoken.write_bytes(write_wav(array("h", [77, 78])))
    program(mute, "espeak-ng", f"/bin/cat >/dev/null; exec /bin/cat {spoken}")
    assert words_of(await Loudspeaker.render(options, Speech("请A号", 100))) == [77, 78]


@pytest.mark.parametrize("frame", UNPLAYABLE, ids=str)
async def test_a_wrong_recording_is_named(tmp_path: Path, mute: Path, frame: golden.Frame) -> None:
    options = record(tmp_path / "clips", 请=[1])
    (tmp_path / "clips" / "号.wav").write_bytes(frame.raw)
    with pytest.raises(Misconfigured, match=r"号\.wav"):
        await Loudspeaker.render(options, Speech("请号"))
    with pytest.raises(Misconfigured, match=r"号\.wav"):
        await anext(speaker(options).events())


async def test_a_missing_folder_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere"):
        await anext(speaker({"clips": str(tmp_path / "nowhere")}).events())


# ---- espeak-ng itself


@pytest.mark.req("QUE-21")
@pytest.mark.parametrize("text", [CALL, ORDER, "请E T C零号到ETC窗口", "[[hello]]请到一号", "-q 请"])
async def test_chinese_is_said_in_chinese(text: str) -> None:
    said = await phonemes(text)
    assert said
    assert "(en)" not in said


async def test_the_plain_voice_is_the_trap_that_the_trial_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "(en)" in await phonemes(CALL, "cmn")
    assert await voice.espeak_speaks()
    monkeypatch.setattr(voice, "MANDARIN", "cmn")
    assert not await voice.espeak_speaks()


async def test_a_call_takes_its_time_and_is_loud_enough() -> None:
    words = {"number": "A001", "floor": "一楼", "no": "3", "name": "社保窗口"}
    assert call_sentence(words) == CALL
    wav = await Loudspeaker.render({"chime": False, "times": 1}, Speech(CALL, 100))
    assert wav[24:28] == (22050).to_bytes(4, "little")
    assert 3 < len(read_wav(wav)) / RATE < 8
    assert max(map(abs, read_wav(wav))) / 32768 > 0.3


async def test_a_higher_rate_is_shorter() -> None:
    slow, fast = [len(await voice.from_espeak(CALL, rate) or b"") for rate in (120, 240)]
    assert fast < 0.8 * slow


@pytest.mark.parametrize("script", ["exec {sleep} 60", "exit 1", "echo hello", "exec {cat} /dev/null"])
async def test_a_broken_espeak_leaves_the_chime(mute: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(voice, "ESPEAK_S", 0.3)
    program(mute, "espeak-ng", script.format(sleep="/bin/sleep", cat="/bin/cat"))
    assert read_wav(await Loudspeaker.render({}, Speech(CALL, 100))) == chime()
    assert not await voice.espeak_speaks() or script == "echo hello"


# ---- device


def speaker(options: dict[str, Any], link: Any = None) -> Loudspeaker:
    async def opener() -> Any:
        return link or pair()[0]

    return Loudspeaker(opener, options)


def test_it_is_a_voice() -> None:
    assert DEVICE is Loudspeaker
    assert issubclass(Loudspeaker, Voice)


@pytest.mark.parametrize("options", [{"times": 0}, {"times": 4}, {"rate": 10}, {"rate": 1000}])
def test_wrong_options_are_misconfigured(options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        speaker(options)


async def test_it_has_one_address() -> None:
    with pytest.raises(Misconfigured):
        await speaker({}).say(1, Speech("请"))


@pytest.mark.looptime
async def test_announcements_never_overlap(tmp_path: Path, mute: Path) -> None:
    options = record(tmp_path / "clips", 请=[1000] * RATE) | {"chime": True, "times": 2}
    link, wire = pair()
    simulator = SimulatedLoudspeaker("voice", {})
    talk = asyncio.create_task(simulator.talk(wire))
    before = asyncio.get_running_loop().time()
    async with speaker(options, link) as device:
        await asyncio.gather(*(device.say(0, Speech("请", 50)) for _ in range(3)))
    took = asyncio.get_running_loop().time() - before
    await talk
    assert (simulator.count, simulator.waited, simulator.garbage) == (3, 0, 0)
    assert took == pytest.approx(sum(each.seconds for each in simulator.heard), abs=0.5)
    assert simulator.heard[0].seconds == pytest.approx(0.8 + 0.2 + 1 + 1 + 1, abs=0.01)
    assert simulator.wav(0) == await Loudspeaker.render(options, Speech("请", 50))


@pytest.mark.looptime
async def test_without_a_voice_there_is_the_chime_and_a_word_about_it(mute: Path) -> None:
    link, wire = pair()
    async with speaker({}, link) as device:
        assert await anext(device.events()) == Condition("no_voice", True)
        with pytest.raises(Rejected) as caught:
            await device.say(0, Speech(CALL, 100))
    assert caught.value.reason == "no_voice"
    assert read_wav(await wire.read()) == chime()


@pytest.mark.looptime
async def test_without_voice_and_chime_nothing_is_played(mute: Path) -> None:
    async with speaker({"chime": False}) as device:
        with pytest.raises(Rejected):
            await device.say(0, Speech(CALL))
        assert device.counters.bytes_out == 0


@pytest.mark.parametrize("recorded", [True, False])
async def test_with_a_voice_it_has_nothing_to_tell_until_the_line_is_gone(tmp_path: Path, recorded: bool) -> None:
    link, wire = pair()
    async with speaker(record(tmp_path / "clips", 请=[1]) if recorded else {}, link) as device:
        waiting = asyncio.create_task(anext(device.events()))
        await wire.write(b"hello")
        await wire.close()
        with pytest.raises(Unreachable):
            await waiting


async def test_recordings_are_a_voice_where_there_is_no_espeak(tmp_path: Path, mute: Path) -> None:
    link, wire = pair()
    async with speaker(record(tmp_path / "clips", 请=[1]), link) as device:
        await wire.close()
        with pytest.raises(Unreachable):
            await anext(device.events())


class Stuck:
    """A link that takes nothing."""

    closed = False

    async def read(self) -> bytes:
        raise AssertionError

    async def write(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


@pytest.mark.looptime
async def test_a_link_that_takes_nothing_is_unreachable_in_bounded_time(tmp_path: Path, mute: Path) -> None:
    stuck = Stuck()
    async with speaker(record(tmp_path / "clips", 请=[1] * RATE), stuck) as device:
        with pytest.raises(Unreachable):
            await device.say(0, Speech("请"))
    assert stuck.closed
    assert 5 < asyncio.get_running_loop().time() < 10


@pytest.mark.looptime
async def test_cancelling_half_a_file_hangs_up(tmp_path: Path, mute: Path) -> None:
    stuck = Stuck()
    device = speaker(record(tmp_path / "clips", 请=[1] * RATE), stuck)
    await device.__aenter__()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await device.say(0, Speech("请"))
    assert stuck.closed
