"""A hall-edge in its own process: a generated hall without devices, a free port, and callers that stay connected."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_S = 5.0
"""A start is promised to take no longer (fault F01), a restart after kill -9 included."""
PATIENCE_S = 15.0
"""Where the start is not what is asked about: other tests share the processor."""

HEAD = """[hall]
code = "load"
name = "试验大厅"
[access]
demo = true
[[zone]]
id = "f1"
name = "一楼办事大厅"
floor = "一楼"
[[unit]]
id = "rs"
name = "人社局"
"""


def service_ids(services: int) -> list[str]:
    return [f"s{n}" for n in range(services)]


def hall_text(*, windows: int = 8, services: int = 4, kiosks: int = 16) -> str:
    """A hall file without devices and without a centre. Prefixes are A, B, C ...; every window serves everything."""
    skills = json.dumps(service_ids(services))
    parts = [HEAD]
    for n, each in enumerate(service_ids(services)):
        parts.append(f'[[service]]\nid = "{each}"\nunit = "rs"\nname = "业务{n}"\nprefix = "{chr(ord("A") + n)}"\n')
    for no in range(1, windows + 1):
        parts.append(f'[[window]]\nno = {no}\nname = "{no}号窗口"\nzone = "f1"\nskills = {skills}\n')
    for no in range(1, kiosks + 1):
        parts.append(f'[[kiosk]]\nid = "{no}"\nname = "{no}号取号机"\nzone = "f1"\n')
    return "".join(parts)


def free_port(*beside: int) -> int:
    """A port that nobody listens on, and for each N of `beside` neither on the port + N.

    Below those that the kernel gives to callers: one of them that calls a server not yet there can meet itself.
    """
    for _ in range(100):
        port = secrets.choice(range(15_000, 31_000))
        if all(_is_free(port + each) for each in (0, *beside)):
            return port
    raise OSError("no free port found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# ---- a caller


class Caller(asyncio.Protocol):
    """One keep-alive connection, one request at a time, and nothing of HTTP that the service does not answer with."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport
        self._lost: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        at = head.lower().find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), rest[:length]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or ConnectionResetError("closed")
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(str(self._lost)))

    async def raw(self, request: bytes) -> tuple[int, bytes]:
        """(status, body) of a whole request. Raises ConnectionError when the other side has gone, before or during."""
        if self._lost is not None:
            raise ConnectionResetError(str(self._lost))
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """As `raw`, with JSON both ways; None for an empty answer."""
        status, answer = await self.raw(request(method, path, body))
        return status, json.loads(answer) if answer else None

    def close(self) -> None:
        self._transport.close()


def request(method: str, path: str, body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    kind = "Content-Type: application/json\r\n" if content else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}Content-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


@contextlib.asynccontextmanager
async def callers(port: int, count: int) -> AsyncIterator[list[Caller]]:
    loop = asyncio.get_running_loop()
    made: list[Caller] = []
    try:
        for _ in range(count):
            made.append((await loop.create_connection(Caller, "127.0.0.1", port))[1])
        yield made
    finally:
        for each in made:
            each.close()


# ---- the process


@dataclass(slots=True)
class Server:
    process: Process
    port: int
    data: Path
    log: Path
    """What the process says, of all starts on this data folder."""

    async def ended(self, within: float) -> int:
        """The exit code. Raises TimeoutError."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def spawn(
    file: Path, data: Path, *, port: int | None = None, command: str = "run", env: Mapping[str, str] | None = None
) -> Server:
    """Starts `python -m edge COMMAND` in a session of its own, and does not wait for it."""
    port = port or free_port()
    log = data.with_name(f"{data.name}.log")
    arguments = ["-m", "edge", command, str(file), "--port", str(port), "--data", str(data)]
    inherited = {key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdout=output,
            stderr=output,
            env=inherited | dict(env or {}),
            start_new_session=True,
        )
    return Server(process, port, data, log)


async def wait_ready(server: Server, within: float = PATIENCE_S) -> None:
    """Until `/readyz` answers 200. Raises TimeoutError, or RuntimeError with the log when the process ended."""
    async with asyncio.timeout(within):
        while True:
            if server.process.returncode is not None:
                raise RuntimeError(f"ended with {server.process.returncode}:\n{server.log.read_text('utf-8')}")
            with contextlib.suppress(ConnectionError):
                async with callers(server.port, 1) as (caller,):
                    if (await caller.ask("GET", "/readyz"))[0] == 200:
                        return
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(
    file: Path,
    data: Path,
    *,
    port: int | None = None,
    command: str = "run",
    env: Mapping[str, str] | None = None,
    ready_within: float = PATIENCE_S,
) -> AsyncIterator[Server]:
    """A ready server; what is left of it at the end is killed."""
    server = await spawn(file, data, port=port, command=command, env=env)
    try:
        await wait_ready(server, ready_within)
        yield server
    finally:
        if server.process.returncode is None:
            await server.kill()
