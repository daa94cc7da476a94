"""Loudspeaker: announcements as sound, from the hall's own recordings or from espeak-ng.

    "RIFF" size 4 "WAVE" | "fmt " 16: PCM 1, channels 1, rate 22050, 44100 bytes/s, 2 bytes, 16 bits | "data" size 4 ...

Integers are little-endian. The link takes one such file after the other: a player started for each
(`program:aplay?arg=-q`) or a networked loudspeaker that plays what it receives. Nothing comes back, so an announcement
is over when its own length has passed. It is a chime, then the words, `times` times and a second apart.

The words are put together from recordings when there is one for every piece (config/clips/README.md); otherwise
espeak-ng says all of them. Its plain Mandarin voice `cmn` reads Hanzi as English letters; `cmn-latn-pinyin` does not.

Source: the WAVE format as sox and espeak-ng 1.51 write it. Not proven on hardware; not judged by ear.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import re
import shutil
import unicodedata
import wave
from array import array
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from drivers.base import Condition, Device, DeviceEvent, Misconfigured, ProtocolError, Rejected, Speech, Unreachable

Samples: TypeAlias = "array[int]"
"""16 bit, mono, `RATE` a second."""

RATE = 22050
LONGEST_S = 60
"""Nobody listens to more; a longer announcement is cut."""

# ---- codec: WAV


def write_wav(samples: Samples) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def read_wav(data: bytes) -> Samples:
    """Any 16-bit PCM file, also one of unknown length as espeak-ng streams it. Raises `ProtocolError` for others."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getparams()[:3]
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk longer than the file
        raise ProtocolError(f"no PCM WAV: {error or 'it is cut short'}") from error
    if width != 2 or not channels or not rate:
        raise ProtocolError(f"it has {width * 8} bits, 16 are needed")
    samples = array("h", raw[: len(raw) // (2 * channels) * 2 * channels])
    if channels > 1:
        samples = array("h", (sum(samples[at : at + channels]) // channels for at in range(0, len(samples), channels)))
    return resample(samples, rate)


def resample(samples: Samples, rate: int) -> Samples:
    """From `rate` to `RATE`: the mean of what falls together, a straight line where samples are missing."""
    if rate == RATE or not samples:
        return samples
    step, last = rate / RATE, len(samples) - 1
    places = (at * step for at in range(int(len(samples) / step)))
    if step > 1:
        groups = (samples[int(place) : max(int(place) + 1, int(place + step))] for place in places)
        return array("h", (sum(group) // len(group) for group in groups))
    near = ((int(place), place % 1) for place in places)
    return array("h", (round(samples[at] * (1 - part) + samples[min(at + 1, last)] * part) for at, part in near))


# ---- codec: the announcement

TONES_HZ = (659.26, 523.25)
TONE_S = 0.4
LOUD = 0.5
"""Of full scale: about as loud as speech that peaks at full scale."""
APART_S = 1.0


@cache
def chime() -> Samples:
    """Two falling tones that die away, 0.8 s; not to be changed."""
    length = int(TONE_S * RATE)
    envelope = [min(1, at / 100) * math.exp(-4 * at / length) * (1 - at / length) for at in range(length)]
    tones = (loud * math.sin(math.tau * hz * at / RATE) for hz in TONES_HZ for at, loud in enumerate(envelope))
    return array("h", (int(LOUD * 32767 * value) for value in tones))


def silence(seconds: float) -> Samples:
    return array("h", bytes(2 * int(seconds * RATE)))


def announcement(options: Mapping[str, Any], words: Samples | None, volume: int) -> Samples:
    """Everything that is heard of one `Speech`; without `words` the chime alone."""
    sound = array("h", chime()) if options.get("chime", True) else array("h")
    if words is not None:
        sound += silence(0.2) + words + (silence(APART_S) + words) * (options.get("times", 2) - 1)
    share = min(100, max(0, volume)) / 100
    return array("h", (int(sample * share) for sample in sound[: LONGEST_S * RATE]))


# ---- words from recordings

PAUSES = "，。、；：！？,.;:!?"
PAUSE_S = 0.2


def tokens(text: str, names: Iterable[str]) -> list[str] | None:
    """The names that say `text`, the longest that fits at each place, and its `PAUSES`. None: a piece has no name."""
    longest = sorted(names, key=len, reverse=True)
    pattern = "|".join(re.escape(name) for name in [*longest, *PAUSES])
    pieces = re.findall(rf"{pattern}|\S", unicodedata.normalize("NFC", text).upper())
    known = {*longest, *PAUSES}
    return pieces if all(piece in known for piece in pieces) else None


def recordings(folder: Path) -> dict[str, Path]:
    """What is said -> its file. Raises `Misconfigured` when there is no such folder."""
    try:
        return {unicodedata.normalize("NFC", path.stem).upper(): path for path in folder.iterdir() if _is_wav(path)}
    except OSError as error:
        raise Misconfigured(f"clips: {folder}: {error.strerror}") from error


def _is_wav(path: Path) -> bool:
    return path.suffix.lower() == ".wav" and not path.name.startswith(".")


def load(path: Path) -> Samples:
    """Raises `Misconfigured`, naming the file."""
    try:
        return read_wav(path.read_bytes())
    except (OSError, ProtocolError) as error:
        raise Misconfigured(f"{path}: {error}") from error


def from_recordings(folder: Path, text: str) -> Samples | None:
    """None when a piece of `text` has no recording. Raises `Misconfigured` for one that cannot be played."""
    files = recordings(folder)
    pieces = tokens(text, files)
    if not pieces:
        return None
    words = array("h")
    for piece in pieces:
        words += load(files[piece]) if piece in files else silence(PAUSE_S)
    return words


# ---- words from espeak-ng

MANDARIN, ENGLISH = "cmn-latn-pinyin", "en-gb"
ESPEAK_S = 5.0
WORDS_A_MINUTE = 160
TRIAL = "请A零零一号到三号窗口办理"


async def _espeak(voice: str, text: str, *arguments: str) -> bytes | None:
    """What espeak-ng writes; None when it is not there, fails, or takes longer than `ESPEAK_S`."""
    command = ["espeak-ng", "-b", "1", "-v", voice, *arguments, "--stdin"]
    # Its own inline codes are in [[ ]]. Letters apart: two together are taken for an English word.
    plain = re.sub(r"[\[\]]", " ", text)
    if voice == MANDARIN:
        plain = re.sub(r"([A-Za-z])", r" \1 ", plain)
    try:
        process = await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return None
    try:
        async with asyncio.timeout(ESPEAK_S):
            output, _ = await process.communicate(plain.encode())
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return output if process.returncode == 0 else None


async def phonemes(text: str, voice: str = MANDARIN) -> str:
    """How espeak-ng would say it, in its own signs; `(en)` where it changes to English. Empty when it cannot."""
    return (await _espeak(voice, text, "-q", "-x") or b"").decode(errors="replace").strip()


async def espeak_speaks() -> bool:
    """Whether espeak-ng is there and reads Chinese as Chinese."""
    said = await phonemes(TRIAL, MANDARIN)
    return bool(said) and "(en)" not in said


async def from_espeak(text: str, rate: int, voice: str = MANDARIN) -> Samples | None:
    sound = await _espeak(voice, text, "-s", str(rate), "--stdout")
    with contextlib.suppress(ProtocolError):
        return read_wav(sound or b"") or None
    return None


# ---- device

LATE_S = 5.0
"""How much longer than its own length a recording may take to be played."""


@dataclass(slots=True)
class Loudspeaker(Device):
    """One loudspeaker. The capability is `Voice`, at address 0.

    The condition is `no_voice`: there is neither a recording nor an espeak-ng that speaks Chinese, only the chime.
    It is looked for once, when `events()` begins.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"clips": str, "chime": bool, "times": int, "rate": int}

    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        for name, usual, least, most in (("times", 2, 1, 3), ("rate", WORDS_A_MINUTE, 80, 300)):
            if not least <= self.options.get(name, usual) <= most:
                raise Misconfigured(f"{name} is {least} to {most}")

    @classmethod
    async def render(cls, options: Mapping[str, Any], speech: Speech) -> bytes:
        """The WAV file that `say` plays, for others to play too; the chime alone when there is no voice.

        Raises `Misconfigured` for a recording that cannot be played.
        """
        sound, _ = await cls._compose(options, speech)
        return write_wav(sound)

    @staticmethod
    def reads() -> bool:
        """Whether espeak-ng is installed: recordings say only what was recorded."""
        return shutil.which("espeak-ng") is not None

    @staticmethod
    async def read(text: str, *, english: bool) -> bytes | None:
        """Words that are no announcement, such as those of a page, as a WAV file; None when espeak-ng cannot."""
        words = await from_espeak(text, WORDS_A_MINUTE, ENGLISH if english else MANDARIN)
        return None if words is None else await asyncio.to_thread(write_wav, words)

    @staticmethod
    async def _compose(options: Mapping[str, Any], speech: Speech) -> tuple[Samples, bool]:
        """The whole announcement, and whether it has words."""
        words = None
        if folder := options.get("clips"):
            words = await asyncio.to_thread(from_recordings, Path(folder), speech.text)
        if words is None:
            words = await from_espeak(speech.text, options.get("rate", WORDS_A_MINUTE))
        sound = await asyncio.to_thread(announcement, options, words, speech.volume)
        return sound, words is not None

    async def say(self, address: int, speech: Speech) -> None:
        """Returns when the announcement is over; one that comes meanwhile waits for its turn.

        Raises `Rejected("no_voice")` after the chime when there were no words, and `Unreachable` when it was not taken
        within its own length and `LATE_S`.
        """
        if address:
            raise Misconfigured("a loudspeaker has only address 0")
        async with self._lock:
            sound, spoken = await self._compose(self.options, speech)
            if sound:
                await self._play(sound)
        if not spoken:
            raise Rejected("no_voice", "no recordings for this text, and espeak-ng does not speak")

    async def _play(self, sound: Samples) -> None:
        clock = asyncio.get_running_loop().time
        over = clock() + len(sound) / RATE
        taken = False
        try:
            async with asyncio.timeout_at(over + LATE_S):
                await self.send(write_wav(sound))
            taken = True
        except TimeoutError as error:
            raise Unreachable("an announcement was not taken in time") from error
        finally:
            if not taken:
                await self.hang_up()
        await asyncio.sleep(over - clock())

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Ends when the link does. Raises `Misconfigured` for a folder or a recording that cannot be used."""
        if not await self._has_voice():
            yield Condition("no_voice", True)
        while True:
            self.counters.garbage += len(await self.receive())

    async def _has_voice(self) -> bool:
        recorded = False
        if folder := self.options.get("clips"):
            files = await asyncio.to_thread(recordings, Path(folder))
            for path in files.values():
                recorded = bool(await asyncio.to_thread(load, path)) or recorded
        return recorded or await espeak_speaks()


DEVICE = Loudspeaker
