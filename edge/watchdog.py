"""Tells systemd that the service is ready and, after self-checks, that it is alive. Without systemd it does nothing.

The beat comes from the event loop at half the limit, so a blocked loop is caught too. It does not depend on the
centre or on any device: a restart would not cure those.
"""

from __future__ import annotations

import asyncio
import logging
import socket

from systemd_watchdog.systemd_watchdog import WatchDog

from edge.database import Unstored
from edge.parts import Parts

log = logging.getLogger("hall.watchdog")


async def feed_watchdog(parts: Parts) -> None:
    """Ends only by cancellation, or at once when nobody watches."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        watchdog = WatchDog(sock)
        if not watchdog.is_enabled:
            return
        half = watchdog.timeout / 2_000_000
        must_have_reacted = 0
        while True:
            if await _writes(parts, half) and parts.progress.reacted >= must_have_reacted:
                watchdog.notify()
            else:
                log.error("self-check failed: the writer or the reactions stand still; no beat is sent")
            must_have_reacted = parts.journal.last
            await asyncio.sleep(half)


async def _writes(parts: Parts, within: float) -> bool:
    """Whether the writer takes its turn. A full disk is no reason for a restart: it answers, and that is enough."""
    try:
        async with asyncio.timeout(within):
            await parts.writer.do(lambda _session, _hall, _now, _command: None, None)
    except TimeoutError:
        return False
    except Unstored:
        return True
    return True


def tell_ready() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        WatchDog(sock).ready()
