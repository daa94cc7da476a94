"""The listening socket: what it accepts answers at once."""

from __future__ import annotations

import socket

from edge.process import listen


def test_an_accepted_connection_does_not_wait_for_acknowledgements() -> None:
    """asyncio switches Nagle off only where the socket says that it is TCP; else each answer takes 40 ms longer."""
    with listen("127.0.0.1", 0) as door:
        assert door.proto == socket.IPPROTO_TCP
