"""A program of this machine as a link: `program:aplay?arg=-q&arg=-D&arg=default` plays what is written to it.

A player takes one recording from its standard input and ends with it. So every write starts the program anew and
returns when it has ended; between writes nothing runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from drivers.base import Link, Misconfigured, Unreachable


def open_program(url: str) -> Link:
    """Raises `Misconfigured` when the URL is wrong or this machine has no such program."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    arguments = query.pop("arg", [])
    if parts.netloc or not parts.path or query:
        raise Misconfigured(f"{url}: write program:name?arg=first&arg=second")
    found = shutil.which(parts.path)
    if found is None:
        raise Misconfigured(f"{url}: this machine has no program {parts.path}")
    return ProgramLink([found, *arguments])


class ProgramLink:
    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._closed = asyncio.Event()
        self._process: Process | None = None

    async def read(self) -> bytes:
        """A program says nothing: waits until the link is closed."""
        await self._closed.wait()
        raise Unreachable("the link is closed")

    async def write(self, data: bytes) -> None:
        """Raises `Unreachable` with the program's last words when it fails; a cancelled write ends the program."""
        if self._closed.is_set():
            raise Unreachable("the link is closed")
        try:
            process = await create_subprocess_exec(*self._command, stdin=PIPE, stdout=DEVNULL, stderr=PIPE)
        except OSError as error:
            raise Unreachable(f"{self._command[0]}: {error.strerror or error}") from error
        self._process = process
        try:
            if self._closed.is_set():
                raise Unreachable("the link was closed while the program started")
            _, complaint = await process.communicate(data)
        finally:
            self._process = None
            await _end(process)
        if process.returncode:
            words = complaint.decode(errors="replace").strip().splitlines() or [f"ended with {process.returncode}"]
            raise Unreachable(f"{self._command[0]}: {words[-1][:200]}")

    async def close(self) -> None:
        self._closed.set()
        if self._process is not None:
            await _end(self._process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
