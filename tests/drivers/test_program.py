"""A program as a link, with real programs of this machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from drivers.base import Link, Misconfigured, Unreachable
from drivers.program import open_program


def shell(script: str) -> Link:
    return open_program(f"program:sh?arg=-c&arg={quote(script)}")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe: opening either end waits for the other."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


async def test_every_write_is_a_program_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    link = shell(f"echo start >>{out}; cat >>{out}")
    await link.write(b"one\n")
    await link.write(b"two\n")
    await link.close()
    assert out.read_text() == "start\none\nstart\ntwo\n"


async def test_a_write_returns_when_the_program_has_ended(pipe: Path, tmp_path: Path) -> None:
    link = shell(f"cat >/dev/null; read word <{pipe}; echo $word >{tmp_path}/out")
    writing = asyncio.create_task(link.write(b"sound" * 100_000))
    release = await asyncio.to_thread(pipe.open, "w")  # opens when the program reads from it
    assert not writing.done()
    with release:
        release.write("played\n")
    await writing
    assert (tmp_path / "out").read_text() == "played\n"


@pytest.mark.parametrize(
    ("script", "words"), [("echo no such card >&2; exit 1", "no such card"), ("exit 3", "3"), ("kill -9 $$", "-9")]
)
async def test_a_program_that_fails_is_unreachable(script: str, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        await shell(script).write(b"sound" * 100_000)


async def test_a_program_that_vanished_is_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "player"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    link = open_program(f"program:{path}")
    path.unlink()
    with pytest.raises(Unreachable):
        await link.write(b"sound")


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_nothing_runs_on(pipe: Path, how: str) -> None:
    link = shell(f"exec 3>{pipe}; exec sleep 60")
    writing = asyncio.create_task(link.write(b"sound"))
    running = await asyncio.to_thread(pipe.open)
    if how == "cancel":
        writing.cancel()
    else:
        await link.close()
    with pytest.raises(asyncio.CancelledError if how == "cancel" else Unreachable):
        await writing
    with running:
        assert await asyncio.to_thread(running.read) == ""  # ends with the program that holds the other end


async def test_reading_waits_until_it_is_closed() -> None:
    link = shell("cat")
    reading = asyncio.create_task(link.read())
    await link.write(b"sound")
    assert not reading.done()
    await link.close()
    await link.close()
    with pytest.raises(Unreachable):
        await reading
    with pytest.raises(Unreachable):
        await link.write(b"sound")


@pytest.mark.parametrize(
    "url", ["program:", "program://sh", "program:sh?args=-c", "program:no-such-player-here", "program:/no/such/player"]
)
def test_a_wrong_url_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured):
        open_program(url)
