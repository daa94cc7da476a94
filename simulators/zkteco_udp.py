"""A simulated ZKTeco terminal on UDP: a datagram is a payload, without the prefix that TCP needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulators.port import Gone, Wire
from simulators.zkteco import Terminal
from simulators.zkteco_packet import Packet, build
from simulators.zkteco_session import Session


class UdpTerminal(Terminal):
    async def talk(self, wire: Wire) -> None:
        async def send(packets: Sequence[Packet]) -> None:
            for packet in packets:
                await wire.write(build(packet))

        session = Session(self.memory, send, udp=True)
        self._wires.add(wire)
        try:
            while True:
                payload = await wire.read()
                if session.over:  # a client that said goodbye begins anew from the same address
                    session = Session(self.memory, send, udp=True)
                await self.hear(session, payload)
        except Gone:
            pass
        finally:
            session.leave()
            self._wires.discard(wire)

    def controls(self) -> list[dict[str, Any]]:
        """Datagrams are neither split nor glued together."""
        return [each for each in super().controls() if each["name"] not in ("split", "coalesce")]


SIMULATOR = UdpTerminal
