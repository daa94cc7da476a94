"""Demo halls that open in a fraction of a second: forked from one process that has loaded their programs already.

`hall-edge demo` itself is held to its word in tests/processes/test_demo.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

WITHIN_S = 15.0
"""For a start, or for an end."""

loaded = multiprocessing.get_context("forkserver")
loaded.set_forkserver_preload(["edge.__main__", "simulators.__main__"])


@dataclass(frozen=True, slots=True)
class Program:
    process: BaseProcess
    log: Path

    async def said(self, words: str) -> None:
        """Raises TimeoutError, or RuntimeError with the log when the process ended."""
        async with asyncio.timeout(WITHIN_S):
            while words not in (text := self.log.read_text("utf-8")):
                if self.process.exitcode is not None:
                    raise RuntimeError(f"ended with {self.process.exitcode}:\n{text}")
                await asyncio.sleep(0.02)

    async def ended(self, number: signal.Signals) -> int:
        """The exit code after this signal. Raises TimeoutError."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)
        async with asyncio.timeout(WITHIN_S):
            while self.process.exitcode is None:  # noqa: ASYNC110  another process does it
                await asyncio.sleep(0.02)
        return self.process.exitcode


@contextlib.asynccontextmanager
async def demo(file: Path, data: Path, port: int) -> AsyncIterator[None]:
    """The hall of `file` with all that is simulated around it. Ends as in the evening: Ctrl-C, nothing went wrong."""
    log = data.with_name(f"{data.name}.log")
    where = (str(file), "--port", str(port), "--data", str(data))
    with _running("simulators", log, *where) as devices:
        await devices.said("simulated hall ready")
        with _running("edge", log, "run", *where) as service:
            await service.said(" is open: ")
            yield
            assert await service.ended(signal.SIGINT) == 0
        assert await devices.ended(signal.SIGTERM) == 0
    assert "Traceback" not in log.read_text("utf-8")


@contextlib.contextmanager
def _running(module: str, log: Path, *arguments: str) -> Iterator[Program]:
    """What is left of it at the end is killed."""
    log.touch()
    process = loaded.Process(target=_become, args=(module, log, arguments), daemon=True)
    process.start()
    try:
        yield Program(process, log)
    finally:
        process.kill()
        process.join()
        process.close()


def _become(module: str, log: Path, arguments: tuple[str, ...]) -> None:
    """In the new process: `python -m MODULE ARGUMENTS`, in a session of its own, with the log for its output."""
    os.setsid()
    with log.open("ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    sys.argv = [module, *arguments]
    sys.modules[f"{module}.__main__"].main()
