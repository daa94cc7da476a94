"""USB links and whole print jobs over them, on a bus that is not there. Real time: libusb blocks in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Callable

import pytest
import usb.core  # type: ignore[import-untyped]

from drivers.base import Condition, Link, Misconfigured, Rejected, Slip, Text, Unreachable
from drivers.escpos import Escpos
from drivers.link import open_link
from drivers.usb import PortStatus, UsbLink, open_usb
from tests.drivers.fake_usb import CLONE, Bus, Printer

URL = "usb://0416:5011"
SLIP = Slip((Text("办理 A042", size=2), Text("前面还有 3 人")))
LONG = Slip((*SLIP.parts, Text("请带好身份证" * 400)))
ONE_WAY = bytes.fromhex("1201000200000040160411500001000000010902190001 0100C03209040000010701010007050302400000")
OTHER_ENDS = CLONE.replace(bytes.fromhex("07050102"), bytes.fromhex("07050302")).replace(
    b"\x07\x05\x82", b"\x07\x05\x81"
)
PATIENCE = {"timeout_s": 0.3, "job_timeout_s": 0.5}


def settled(printer: Printer) -> bool:
    return not printer.claimed and printer.handles == 0


@contextlib.asynccontextmanager
async def device(printer: Printer, **options: object) -> AsyncIterator[Escpos]:
    async def opener() -> Link:
        return await open_usb(URL, Bus(printer))

    async with Escpos(opener, PATIENCE | options) as escpos:
        yield escpos
    assert settled(printer)
    assert all(0 < timeout <= 1000 for timeout in printer.timeouts), "0 is for ever"


# ---- whole jobs


@pytest.mark.parametrize(("raw", "out", "in_"), [(CLONE, 1, 0x82), (OTHER_ENDS, 3, 0x81)], ids=["usual", "other ends"])
async def test_a_job_over_the_endpoints_of_the_descriptors(raw: bytes, out: int, in_: int) -> None:
    printer = Printer(raw)
    async with device(printer) as escpos:
        assert await escpos.print(LONG) == "printed"
        assert printer.claimed
        assert not printer.kernel_driver
    assert set(printer.endpoints) == {out, in_}
    assert bytes.fromhex("B0 EC C0 ED 20 41 30 34 32 0A") in printer.got
    assert printer.got.endswith(bytes.fromhex("1D 56 42 00 1D 72 01"))


async def test_a_printer_that_answers_idle_reads_with_empty_packets() -> None:
    async with device(Printer(empty_packets=True)) as escpos:
        assert await escpos.print(SLIP) == "printed"


@pytest.mark.parametrize(
    ("port", "reason"), [(0x38, "paper_out"), (0x30, "paper_out"), (0x10, "error"), (0x08, "offline")]
)
async def test_the_status_lines_of_the_port_speak_for_a_stopped_printer(port: int, reason: str) -> None:
    printer = Printer(port=port, takes=0)
    async with device(printer) as escpos:
        with pytest.raises(Rejected) as caught:
            await escpos.print(SLIP)
        assert caught.value.reason == reason
        assert printer.got == b""
        printer.port, printer.takes = 0x18, 1 << 30
        assert await escpos.print(SLIP) == "printed"  # the link is as it was


@pytest.mark.parametrize("port", [None, 0], ids=["not known", "not implemented"])
async def test_without_status_lines_silence_is_unreachable(port: int | None) -> None:
    printer = Printer(port=port, takes=0)
    async with device(printer) as escpos:
        with pytest.raises(Unreachable):
            await asyncio.wait_for(escpos.print(SLIP), 5)
        assert settled(printer)
    printer = Printer(port=port)
    async with device(printer) as escpos:
        assert await escpos.print(SLIP) == "printed"


@pytest.mark.parametrize("then", [errno.ENODEV, errno.EIO, 0], ids=["unplugged", "cable", "cover opened"])
async def test_a_job_cut_off_in_the_middle_is_unknown(then: int) -> None:
    printer = Printer()
    async with device(printer) as escpos:
        assert await escpos.print(SLIP) == "printed"
        printer.takes, printer.then = 60, then
        assert await asyncio.wait_for(escpos.print(SLIP), 10) == "unknown"
        assert printer.takes == 0
        with pytest.raises(Unreachable):
            await escpos.print(SLIP)


async def test_a_printer_unplugged_while_idle_is_unreachable() -> None:
    printer = Printer()
    async with device(printer, poll_s=0.01) as escpos, contextlib.aclosing(escpos.events()) as events:
        printer.status = bytes.fromhex("12 12 12 1E")
        assert await anext(events) == Condition("paper_low", True)
        printer.takes, printer.then = 0, errno.ENODEV
        with pytest.raises(Unreachable, match="ENODEV"):
            await anext(events)


async def test_a_halted_endpoint_is_cleared_for_the_next_connection() -> None:
    printer = Printer(takes=0, then=errno.EPIPE)
    async with device(printer) as escpos:
        with pytest.raises(Unreachable):
            await escpos.print(SLIP)
    assert set(printer.cleared) <= {1, 0x82}
    assert printer.cleared


# ---- one-way printers


@pytest.mark.parametrize(("trust", "outcome"), [(False, "unknown"), (True, "printed")])
async def test_a_one_way_printer_prints_and_is_believed_only_when_the_operator_says_so(
    trust: bool, outcome: str
) -> None:
    printer = Printer(ONE_WAY)
    async with device(printer, trust_blind=trust) as escpos:
        assert await escpos.print(Slip((Text("A1"),))) == outcome
        assert printer.got.endswith(bytes.fromhex("1D 72 01"))
        assert b"\x10\x04" not in printer.got
    assert set(printer.endpoints) == {3}


async def test_a_one_way_printer_that_runs_out_of_paper_in_the_job_is_not_believed() -> None:
    printer = Printer(ONE_WAY)
    async with device(printer, trust_blind=True) as escpos, contextlib.aclosing(escpos.events()) as events:
        job = asyncio.create_task(escpos.print(Slip((Text("A1"),))))
        await asyncio.to_thread(printer.has, 1)
        printer.port = 0x30
        assert await job == "unknown"
        assert await anext(events) == Condition("paper_out", True)


async def test_reading_a_one_way_link_ends_with_the_link() -> None:
    link = await open_usb(URL, Bus(Printer(ONE_WAY)))
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    assert not reading.done()
    await link.close()
    with pytest.raises(Unreachable):
        await reading


# ---- the link


@contextlib.asynccontextmanager
async def opened(printer: Printer) -> AsyncIterator[UsbLink]:
    link = await open_usb(URL, Bus(printer))
    try:
        yield link
    finally:
        await link.close()
        await link.close()
    assert settled(printer)


async def test_a_reader_that_gives_up_loses_nothing() -> None:
    printer = Printer()
    async with opened(printer) as link:
        for _ in range(20):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.read(), 0.001)
        printer.say(b"one")
        heard = b""
        while len(heard) < 6:
            with contextlib.suppress(TimeoutError):
                heard += await asyncio.wait_for(link.read(), 0.001)
            if heard == b"one":
                printer.say(b"two")
        assert heard == b"onetwo"


async def test_closing_ends_a_read_and_a_write() -> None:
    printer = Printer(takes=3)
    async with opened(printer) as link:
        reading, writing = asyncio.create_task(link.read()), asyncio.create_task(link.write(b"12345"))
        await asyncio.to_thread(printer.has, 3)
        await link.close()
        for task in (reading, writing):
            with pytest.raises(Unreachable):
                await asyncio.wait_for(task, 5)
        assert printer.got == b"123"


async def test_an_unplugged_link_closes_quietly_though_nobody_reads_its_error() -> None:
    printer = Printer()
    async with opened(printer) as link:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(link.read(), 0.001)
        printer.takes, printer.then = 0, errno.ENODEV


@pytest.mark.parametrize(
    ("port", "status"),
    [
        (0x18, PortStatus(paper_empty=False, selected=True, error=False)),
        (0x38, PortStatus(paper_empty=True, selected=True, error=False)),
        (0x30, PortStatus(paper_empty=True, selected=True, error=True)),
        (0x00, None),
        (None, None),
    ],
)
async def test_port_status(port: int | None, status: PortStatus | None) -> None:
    async with opened(Printer(port=port)) as link:
        assert await link.port_status() == status


# ---- which device


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (errno.EACCES, Misconfigured, 'ATTR{idVendor}=="0416", ATTR{idProduct}=="5011"'),
        (errno.ENODEV, Unreachable, "ENODEV"),
        (errno.EBUSY, Unreachable, "EBUSY"),
    ],
)
async def test_a_printer_that_does_not_open(number: int, error: type[Exception], words: str) -> None:
    for serial in ("", "TP80"):
        with pytest.raises(error) as caught:
            await open_usb(f"{URL}/{serial}", Bus(Printer(opening=number, serial=serial)))
        assert words in str(caught.value) or (serial and number != errno.EACCES)


async def test_a_printer_in_other_hands_is_unreachable() -> None:
    printer = Printer()
    async with opened(printer):
        with pytest.raises(Unreachable, match="EBUSY"):
            await open_usb(URL, Bus(printer))
        assert printer.handles == 1


async def test_nobody_there() -> None:
    for url in (URL, "usb://0416:5012", f"{URL}/TP80-2"):
        with pytest.raises(Unreachable, match="no USB device"):
            await open_usb(url, Bus(*([Printer(serial="TP80-1")] if url != URL else [])))


async def test_of_two_alike_the_serial_number_tells() -> None:
    one, two = Printer(serial="TP80/1"), Printer(serial="TP80 2")
    with pytest.raises(Misconfigured, match="serial number"):
        await open_usb(URL, Bus(one, two))
    link = await open_usb(f"{URL}/TP80%202", Bus(one, two))
    assert (one.claimed, two.claimed, one.handles, two.handles) == (False, True, 0, 1)
    await link.close()


def alternate(protocol: int) -> bytes:
    """The clone with a second alternate setting that speaks `protocol`, its ends at 04 and 85."""
    second = bytes.fromhex(f"0904000102 0701{protocol:02X}00 07050402400000 07058502400000")
    return CLONE.replace(bytes.fromhex("070102 00"), bytes.fromhex("070101 00")) + second


@pytest.mark.parametrize(("protocol", "setting", "out"), [(2, 1, 4), (3, 0, 1), (4, 0, 1)])
async def test_the_bidirectional_raw_setting_is_chosen(protocol: int, setting: int, out: int) -> None:
    printer = Printer(alternate(protocol))
    async with opened(printer) as link:
        await link.write(b"x")
    assert printer.endpoints == {out: 1, -1: 1} if setting else {out: 1}


async def test_a_device_that_is_no_printer() -> None:
    scanner = Printer(CLONE.replace(bytes.fromhex("07010200"), bytes.fromhex("FF010200")))
    with pytest.raises(Misconfigured, match="class 7"):
        await open_usb(URL, Bus(scanner))
    assert settled(scanner)


@pytest.mark.parametrize("url", ["usb://", "usb://416:5011", "usb://0416", "usb://0416:5011?x=1", "usb://lp0"])
async def test_a_wrong_url(url: str) -> None:
    with pytest.raises(Misconfigured):
        await open_link(url)


async def test_without_libusb(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(**_: object) -> Callable[[], None]:
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", find)
    with pytest.raises(Misconfigured, match="libusb"):
        await open_link(URL)
