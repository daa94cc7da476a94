"""python-gsmmodem-new 0.13.0, a public host library, drives the simulated modem over a pty. It blocks, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():  # its sources hold escapes and comparisons that a compiler complains of
    warnings.simplefilter("ignore")
    from gsmmodem.exceptions import CmsError, PinRequiredError  # type: ignore[import-untyped]
    from gsmmodem.modem import GsmModem, StatusReport  # type: ignore[import-untyped]

from simulators.port import serve
from simulators.sms import Modem

NUMBER, TEXT = "+8613800138000", "您的号码A023，请到3号窗口"
Connect = Callable[..., contextlib.AbstractAsyncContextManager[GsmModem]]
Hosted = tuple[Modem, Connect]


@pytest.fixture
async def hosted(tmp_path: Path) -> AsyncIterator[Hosted]:
    """The simulator, and how a stranger connects to it; afterwards none of its threads is left."""
    simulator, path = Modem("sms", {}), tmp_path / "sms"

    @contextlib.asynccontextmanager
    async def connect(pin: str | None = None, **options: Any) -> AsyncIterator[GsmModem]:
        host = GsmModem(str(path), **options)
        host.timeout = 0.05  # of its reading thread, which nothing else ends
        try:
            await asyncio.to_thread(host.connect, pin)
            yield host
        finally:
            await asyncio.to_thread(host.close)

    before = set(threading.enumerate())
    async with serve(f"serial://{path}", simulator):
        yield simulator, connect
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio"):
            thread.join(1)
            assert not thread.is_alive()


async def test_it_finds_its_way_about(hosted: Hosted) -> None:
    _, connect = hosted
    async with connect() as host:

        def look() -> list[object]:
            modem = [host.manufacturer, host.model, host.revision, host.imei, host.imsi]
            assert "+CMGS" in host.supportedCommands
            return [*modem, host.networkName, host.smsc, host.signalStrength, host.smsSupportedEncoding]

        assert await asyncio.to_thread(look) == [
            "HALL",
            "SMS-SIM",
            "1.00",
            "860000000000009",
            "460001234567890",
            "CHINA MOBILE",
            "+8613800100500",
            23,
            ["GSM", "IRA", "HEX", "UCS2"],
        ]


async def test_what_it_sends_arrives_and_is_reported(hosted: Hosted) -> None:
    simulator, connect = hosted
    async with connect() as host:
        sms = await asyncio.to_thread(host.sendSms, NUMBER, TEXT, waitForDeliveryReport=True, deliveryTimeout=3)
        assert sms.report.deliveryStatus == StatusReport.DELIVERED
        assert (sms.report.reference, sms.report.number) == (1, NUMBER)
    assert simulator.texts == [(NUMBER, TEXT)]
    assert simulator.state()["messages"][0]["state"] == "delivered"


async def test_its_long_and_its_latin_messages_arrive_whole(hosted: Hosted) -> None:
    simulator, connect = hosted
    long, latin = TEXT * 8, "Ticket A023: window 3 {now} € " * 8
    async with connect(requestDelivery=False) as host:
        await asyncio.to_thread(host.sendSms, "13800138000", long)
        await asyncio.to_thread(host.sendSms, NUMBER, latin)
    assert simulator.texts == [("13800138000", long), (NUMBER, latin)]
    assert [each["parts"] for each in simulator.state()["messages"]] == ["2/2", "2/2"]


async def test_it_hears_of_what_comes_in(hosted: Hosted) -> None:
    simulator, connect = hosted
    loop, come = asyncio.get_running_loop(), asyncio.Queue[tuple[str, str]]()

    def heard(sms: Any) -> None:
        loop.call_soon_threadsafe(come.put_nowait, (sms.number, sms.text))

    async with connect(smsReceivedCallbackFunc=heard):
        simulator.receive(NUMBER, "收到")
        async with asyncio.timeout(2):
            assert await come.get() == (NUMBER, "收到")
            while simulator.state()["inbox"]:  # noqa: ASYNC110  the host deletes what it has read, in a thread
                await asyncio.sleep(0.01)


async def test_it_unlocks_the_sim_and_hears_why_not(hosted: Hosted) -> None:
    simulator, connect = hosted
    simulator.control("pin")
    with pytest.raises(PinRequiredError):
        async with connect():
            raise AssertionError
    async with connect(pin="1234") as host:
        simulator.control("cms:42")
        with pytest.raises(CmsError, match="42"):
            await asyncio.to_thread(host.sendSms, NUMBER, TEXT)
    assert simulator.texts == []
