"""The last bytes of a wire: kept for families that name no person, in memory, and bounded."""

from __future__ import annotations

import pytest

from edge.devices.wire import EXCHANGES, KEPT, LONGEST, Wire
from tests.wire import pair

pytestmark = pytest.mark.looptime
PERSONAL = ("idcard", "zkteco", "adms", "hikvision", "sms", "pad", "hid", "voice")


async def test_what_goes_over_the_wire_is_kept_and_arrives() -> None:
    wire, (link, far) = Wire(lambda: 7), pair()
    tapped = wire.tap("counter", "call_bus", link)
    await tapped.write(b"\x01\x02")
    assert await far.read() == b"\x01\x02"
    await far.write(b"\x03")
    assert await tapped.read() == b"\x03"
    assert [(each.at, each.direction, each.size, each.data) for each in wire.last("counter")] == [
        (7, "in", 1, b"\x03"),
        (7, "out", 2, b"\x01\x02"),
    ]
    for _ in range(EXCHANGES):
        await tapped.write(bytes(1000))
    assert [(len(each.data), each.size) for each in wire.last("counter")] == [(LONGEST, 1000)] * EXCHANGES
    await tapped.close()


async def test_of_a_slip_only_its_length_is_kept() -> None:
    wire, (link, _) = Wire(lambda: 7), pair()
    await wire.tap("printer-1", "escpos", link).write(b"k=secret")
    assert [(each.size, each.data) for each in wire.last("printer-1")] == [(8, b"")]


@pytest.mark.parametrize("driver", PERSONAL)
async def test_a_wire_that_names_persons_is_not_kept(driver: str) -> None:
    wire, (link, _) = Wire(lambda: 7), pair()
    assert driver not in KEPT
    assert wire.tap("gate-1", driver, link) is link
    assert wire.last("gate-1") == []
