"""pyzk 0.9, a public client, asks the simulated ZKTeco terminal over real TCP and real UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import pytest
from zk import ZK  # type: ignore[import-untyped]
from zk.exception import ZKErrorResponse  # type: ignore[import-untyped]

from simulators.port import serve
from simulators.zkteco import Terminal
from simulators.zkteco_packet import stamp
from simulators.zkteco_udp import UdpTerminal

KEY = 12345678
THEN = datetime(2026, 11, 22, 17, 5, 9)  # noqa: DTZ001  a terminal knows no zone


@pytest.fixture(params=["tcp", "udp"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Terminal, ZK]]:
    kind = socket.SOCK_STREAM if request.param == "tcp" else socket.SOCK_DGRAM
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    terminal = (Terminal if request.param == "tcp" else UdpTerminal)("door", {"commkey": KEY})
    client = ZK(
        *("127.0.0.1", port),
        password=KEY,
        timeout=2,
        ommit_ping=True,
        encoding="gbk",
        force_udp=request.param == "udp",
    )
    # It makes a UDP socket before it knows whether it wants one, and closes none that was refused.
    client._ZK__sock.close()
    async with serve(f"{request.param}://127.0.0.1:{port}", terminal):
        yield terminal, client
    client._ZK__sock.close()


def everything(client: ZK) -> dict[str, Any]:
    client.connect()
    client.set_time(THEN)
    found: dict[str, Any] = {"time": client.get_time(), "users": client.get_users(), "log": client.get_attendance()}
    found |= {"serial": client.get_serialnumber(), "version": client.get_firmware_version()}
    client.set_user(uid=20, name="新人", user_id="1020", card=77)
    found["more"] = client.get_users()
    client.delete_user(uid=20)
    found["less"] = client.get_users()
    client.clear_attendance()
    found["none"] = client.get_attendance()
    client.disconnect()
    return found


async def test_it_reads_and_writes_what_the_terminal_has(served: tuple[Terminal, ZK]) -> None:
    terminal, client = served
    terminal.remember(100)
    await terminal.punch("1003", "card")
    found = await asyncio.to_thread(everything, client)
    assert 0 <= (found["time"] - THEN).total_seconds() < 5
    assert [(each.uid, each.user_id) for each in found["users"]] == [(uid, f"100{uid}") for uid in range(1, 7)]
    assert found["users"][0].name == "张示例"
    assert len(found["log"]) == 100 * 24 + 1
    last = found["log"][-1]
    assert (last.user_id, last.status, last.punch) == ("1003", 2, 0)
    assert found["serial"].startswith("SIM")
    assert found["version"].startswith("Ver 6.60")
    added = found["more"][-1]
    assert (added.uid, added.user_id, added.name, added.card) == (20, "1020", "新人", 77)
    assert len(found["less"]) == 6
    assert (found["none"], terminal.memory.records) == ([], [])
    assert abs(terminal.clock.local() - THEN).total_seconds() < 5
    assert not terminal.state()["connected"]


async def test_a_wrong_key_is_refused(served: tuple[Terminal, ZK]) -> None:
    terminal, client = served
    terminal.memory.key = KEY + 1
    with pytest.raises(ZKErrorResponse, match="Unauthenticated"):
        await asyncio.to_thread(client.connect)


def captured(client: ZK, count: int) -> Iterator[Any]:
    client.connect()
    for event in client.live_capture(new_timeout=2):
        yield event
        count -= 1
        client.end_live_capture = count == 0
    client.disconnect()


async def test_it_hears_punches_as_they_happen(served: tuple[Terminal, ZK]) -> None:
    terminal, client = served
    hearing = asyncio.create_task(asyncio.to_thread(lambda: list(captured(client, 2))))
    async with asyncio.timeout(5):
        while not terminal.state()["live"]:  # noqa: ASYNC110  a thread registers
            await asyncio.sleep(0.01)
        await terminal.punch("1002", "face")
        while terminal.state()["unacknowledged"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await terminal.punch("1006", "finger")
        found = await hearing
    assert [(each.user_id, each.uid, each.status) for each in found] == [("1002", 2, 15), ("1006", 6, 1)]
    assert [stamp(each.timestamp) for each in found] == [each.time for each in terminal.memory.records]
    assert not terminal.state()["live"]
