"""Hears silence on a wire: many serial protocols end a frame, or forget half of one, when nothing comes for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from simulators.port import Wire


async def heard(wire: Wire, gap: float) -> AsyncGenerator[bytes, None]:
    """What comes, piece by piece, and `b""` once for each silence of `gap` seconds after something came.

    Raises `Gone`. Use it inside `contextlib.aclosing`, so that the read under way ends with the loop.
    """
    reading = asyncio.ensure_future(wire.read())
    quiet = True
    try:
        while True:
            await asyncio.wait({reading}, timeout=None if quiet else gap)
            quiet = not reading.done()
            if quiet:
                yield b""
                continue
            data = reading.result()
            reading = asyncio.ensure_future(wire.read())
            yield data
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
