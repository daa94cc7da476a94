"""The ESC/POS device against a scripted printer, in virtual time. The codec is in test_escpos_codec.py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.base import (
    Condition,
    Link,
    Misconfigured,
    Printer,
    ProtocolError,
    Qr,
    Rejected,
    Rule,
    Slip,
    Text,
    Unreachable,
)
from drivers.escpos import BABBLE, DEVICE, QUIET_S, Escpos
from drivers.escpos_job import encode, load_profile
from drivers.link import open_link
from simulators.port import Gone, Wire, serve
from tests.wire import End, pair

SLIP = Slip(
    (
        Text("办理 A042", size=2, align="center", bold=True),
        Rule(),
        Text("前面还有 3 人"),
        Qr("A042"),
    )
)


GS_R = b"\x1d\x72\x01"


@dataclass
class Peer:
    """Answers DLE EOT from `status`, a lone GS r with `owed`, and each job with `after`; keeps what it was sent."""

    status: bytes = bytes.fromhex("12 12 12 12")
    after: tuple[bytes, ...] = (b"\x00",)
    """What follows a job, one chunk a second."""
    owed: tuple[bytes, ...] = (b"\x00",)
    """What follows a GS r that is sent alone, one chunk each tenth of a second."""
    stuck: bytes = b""
    """Answers to earlier GS r that its queue still holds, behind a second's printing."""
    trailer: bytes = b""
    """Sent together with the reply to DLE EOT 4."""
    polls: int = 0
    jobs: list[bytes] = field(default_factory=list)
    closed: bool = False

    async def talk(self, wire: Wire) -> None:
        try:
            while True:
                data = await wire.read()
                if data[:2] == b"\x10\x04" and len(data) == 3:
                    self.polls += data[2] == 1
                    reply = self.status[data[2] - 1 : data[2]]
                    await wire.write(reply + self.trailer if data[2] == 4 else reply)
                    continue
                if self.stuck:
                    await asyncio.sleep(1)
                    await wire.write(self.stuck)
                    self.stuck = b""
                if data != GS_R:
                    self.jobs.append(data)
                for chunk in self.after if data != GS_R else self.owed:
                    await asyncio.sleep(1 if data != GS_R else 0.1)
                    await wire.write(chunk)
        except Gone:
            self.closed = True


@contextlib.asynccontextmanager
async def printer(peer: Peer, **options: object) -> AsyncIterator[tuple[Escpos, End]]:
    """(the device, the peer's end of the wire)"""
    link, wire = pair()

    async def opener() -> Link:
        return link

    async with asyncio.TaskGroup() as group:
        talk = group.create_task(peer.talk(wire))
        async with Escpos(opener, options) as device:
            yield device, wire
        await talk


def now() -> float:
    return asyncio.get_running_loop().time()


FIRST = QUIET_S + 0.15
"""What the first job of a connection takes longer."""
G80 = load_profile("generic80", {})


@pytest.mark.looptime
async def test_printed_when_the_barrier_is_answered() -> None:
    peer = Peer()
    async with printer(peer) as (device, _):
        assert isinstance(device, Printer)
        assert await device.print(SLIP) == "printed"
        assert now() == pytest.approx(1 + FIRST, abs=0.1)
        assert await device.print(SLIP) == "printed"
        assert now() == pytest.approx(2 + FIRST, abs=0.1)
        assert device.counters.frames_in == 11
    assert peer.jobs == [encode(SLIP, G80).data] * 2


@pytest.mark.looptime
async def test_narrow_paper_and_rare_characters() -> None:
    peer = Peer()
    async with printer(peer, paper_mm=58) as (device, _):
        assert await device.print(Slip((Text("\U000f1234"), Rule()))) == "printed"
        assert device.substituted == 1
    assert b"\n" + b"-" * 33 not in peer.jobs[0]
    assert b"\xa1\xfe\n" in peer.jobs[0]
    assert b"-" * 32 + b"\n" in peer.jobs[0]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("1A 32 12 7E", "paper_out"),
        ("1A 16 12 12", "cover_open"),
        ("1A 52 1A 12", "cutter_error"),
        ("1A 52 32 12", "error"),
        ("1A 12 12 12", "offline"),
    ],
)
async def test_no_byte_of_the_job_goes_to_a_stopped_printer(status: str, reason: str) -> None:
    peer = Peer(bytes.fromhex(status))
    async with printer(peer) as (device, _):
        with pytest.raises(Rejected) as caught:
            await device.print(SLIP)
        assert caught.value.reason == reason
        assert peer.jobs == []
        peer.status = bytes.fromhex("12 12 12 1E")
        assert await device.print(SLIP) == "printed"  # near its end is no reason to stop


@pytest.mark.looptime
async def test_a_slip_that_cannot_be_printed_touches_no_wire() -> None:
    peer = Peer()
    async with printer(peer) as (device, _):
        with pytest.raises(Rejected, match="bad_slip"):
            await device.print(Slip((Qr(""),)))
        assert device.counters.bytes_out == 0


@pytest.mark.looptime
@pytest.mark.parametrize(
    "after",
    [(), (b"\x12", b"\x13", b"\xff"), (b"\x10\x00", b"\x0c\x00"), (b"\x5fTM-T88\x00",), (b"\x10\x00\x00",)],
    ids=["silence", "other bytes", "ASB", "block data", "ASB without its end"],
)
async def test_without_a_barrier_reply_the_outcome_is_unknown(after: tuple[bytes, ...]) -> None:
    peer = Peer(after=after)
    async with printer(peer, job_timeout_s=15) as (device, _):
        assert await device.print(SLIP) == "unknown"
        assert now() == pytest.approx(15 + encode(SLIP, G80).seconds + FIRST, abs=0.1)
        with pytest.raises(Unreachable):
            await device.print(SLIP)
        await asyncio.sleep(1)
        assert peer.closed
    assert len(peer.jobs) == 1


@pytest.mark.looptime
async def test_a_new_connection_works_after_an_unknown_job() -> None:
    links: list[End] = []

    async def opener() -> Link:
        return links.pop()

    peer, device = Peer(after=(b"\x18\x00\x00\x00", b"\x10")), Escpos(opener)
    async with asyncio.TaskGroup() as group:
        for outcome in ("unknown", "printed"):
            link, wire = pair()
            links.append(link)
            group.create_task(peer.talk(wire))
            async with device:
                assert await device.print(SLIP) == outcome
                if outcome == "printed":
                    assert await changes(device, 1) == []  # what the old connection said is not told now
            peer.after = (b"\x00",)


@pytest.mark.looptime
async def test_a_barrier_reply_of_paper_out_is_no_proof() -> None:
    async with printer(Peer(after=(b"\x0f",))) as (device, _):
        assert await device.print(SLIP) == "unknown"


@pytest.mark.looptime
async def test_a_line_that_drops_after_the_job_is_unknown() -> None:
    peer = Peer(after=())
    async with printer(peer) as (device, wire):
        job = asyncio.create_task(device.print(SLIP))
        await asyncio.sleep(5)
        await wire.close()
        assert await job == "unknown"


@pytest.mark.looptime
async def test_asb_between_job_and_barrier_becomes_conditions() -> None:
    peer = Peer(after=(b"\x18\x00", b"\x0c\x00\x11", b"\x10\x00\x00\x00\x00"))
    async with printer(peer) as (device, _), contextlib.aclosing(device.events()) as events:
        assert await device.print(SLIP) == "printed"
        assert [await anext(events) for _ in range(4)] == [
            Condition("offline", True),
            Condition("paper_out", True),
            Condition("offline", False),
            Condition("paper_out", False),
        ]


@pytest.mark.looptime
@pytest.mark.parametrize("stage", [0.005, 0.5, 1.5], ids=["status", "settling", "barrier"])
async def test_a_cancelled_exchange_hangs_up(stage: float) -> None:
    peer = Peer(after=())
    async with printer(peer) as (device, _):
        job = asyncio.create_task(device.print(SLIP))
        await asyncio.sleep(stage)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        await asyncio.sleep(1)
        assert peer.closed
        with pytest.raises(Unreachable):
            await device.print(SLIP)
    assert len(peer.jobs) == (stage > 1)


# ---- what is still owed to an earlier connection


@pytest.mark.looptime
async def test_a_late_barrier_of_an_earlier_job_proves_nothing() -> None:
    """Paper ran out in the last job of the connection before; now it is in again, and the queue goes on."""
    for stuck in (b"\x00", b"\x00\x0c\x03"):
        async with printer(Peer(stuck=stuck, after=())) as (device, _):
            assert await device.print(SLIP) == "unknown"
        async with printer(Peer(stuck=stuck)) as (device, _):
            assert await device.print(SLIP) == "printed"


@pytest.mark.looptime
async def test_no_job_is_sent_while_the_printer_works_off_an_earlier_one() -> None:
    peer = Peer(owed=())
    async with printer(peer, job_timeout_s=4) as (device, _):
        with pytest.raises(Unreachable, match="barrier = none"):
            await device.print(SLIP)
        assert now() == pytest.approx(4.5, abs=0.1)
        await asyncio.sleep(1)
        assert peer.closed
    assert peer.jobs == []


@pytest.mark.looptime
async def test_a_stopped_printer_is_not_asked_what_it_owes() -> None:
    peer = Peer(bytes.fromhex("1A 32 12 7E"), owed=())
    async with printer(peer) as (device, _):
        for _ in range(3):
            with pytest.raises(Rejected):
                await device.print(SLIP)
        assert now() < 1


@pytest.mark.looptime
async def test_a_process_id_proves_its_own_job_only() -> None:
    stale, peer = b"\x37\x22abcd\x00\x00", Peer(after=())
    async with printer(peer, barrier="process_id") as (device, wire):
        job = asyncio.create_task(device.print(SLIP))
        await asyncio.sleep(1)
        command = peer.jobs[0][-11:]
        assert command[:7] == bytes.fromhex("1D 28 48 06 00 30 30")
        assert all(0x20 <= byte <= 0x7E for byte in command[7:])
        await wire.write(stale)
        await asyncio.sleep(1)
        assert not job.done()
        await wire.write(b"\x37\x22" + command[7:] + b"\x00")
        assert await job == "printed"
        peer.after = (b"\x37\x22" + command[7:] + b"\x00",)
        assert await device.print(SLIP) == "unknown"  # the ID of the job before
    assert len(peer.jobs) == 2


# ---- blind printers


@pytest.mark.looptime
@pytest.mark.parametrize(("trust", "outcome"), [(False, "unknown"), (True, "printed")])
async def test_a_blind_printer_is_believed_only_when_the_operator_says_so(trust: bool, outcome: str) -> None:
    peer = Peer(after=())
    async with printer(peer, profile="blind80", trust_blind=trust) as (device, _):
        assert await device.print(SLIP) == outcome
        assert now() == pytest.approx(encode(SLIP, load_profile("blind80", {})).seconds, abs=0.1)
        assert await changes(device, 10) == []
        assert await device.print(SLIP) == outcome  # the link is as it was
    assert len(peer.jobs) == 2
    assert peer.polls == 0


@pytest.mark.looptime
async def test_a_blind_printer_whose_line_drops() -> None:
    peer = Peer()
    async with printer(peer, profile="blind80", trust_blind=True) as (device, wire):
        job = asyncio.create_task(device.print(SLIP))
        await asyncio.sleep(0.3)
        await wire.close()
        assert await job == "unknown"
    async with printer(peer, profile="blind80") as (device, wire):
        events = asyncio.create_task(anext(device.events()))
        await asyncio.sleep(5)
        assert not events.done()
        await wire.close()
        with pytest.raises(Unreachable):
            await events


@pytest.mark.looptime
async def test_without_a_barrier_the_status_after_the_job_can_still_deny_it() -> None:
    peer = Peer(after=())
    async with printer(peer, barrier="none", trust_blind=True) as (device, _):
        assert await device.print(SLIP) == "printed"
        job = asyncio.create_task(device.print(SLIP))
        await asyncio.sleep(0.3)
        peer.status = bytes.fromhex("1A 32 12 7E")
        assert await job == "unknown"
        peer.status = b"\x12"  # it falls silent
        with pytest.raises(Unreachable):
            await device.print(SLIP)


# ---- health


async def changes(device: Escpos, seconds: float) -> list[tuple[float, Condition]]:
    """(when, what) of the events of the next `seconds`."""
    seen = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), contextlib.aclosing(device.events()) as events:
            async for event in events:
                seen.append((round(now(), 1), event))
    return seen


@pytest.mark.looptime
async def test_events_tell_what_is_wrong_at_first_and_then_every_change() -> None:
    peer = Peer(bytes.fromhex("12 12 12 1E"))
    async with printer(peer) as (device, _):
        seeing = asyncio.create_task(changes(device, 9))
        await asyncio.sleep(3)
        peer.status = bytes.fromhex("1A 32 12 7E")
        await asyncio.sleep(2)
        peer.status = bytes.fromhex("12 12 52 12")
        assert await seeing == [
            (0.0, Condition("paper_low", True)),
            (4.0, Condition("offline", True)),
            (4.0, Condition("paper_out", True)),
            (6.0, Condition("head_hot", True)),
            (6.0, Condition("offline", False)),
            (6.0, Condition("paper_low", False)),
            (6.0, Condition("paper_out", False)),
        ]
    assert peer.polls == 5


@pytest.mark.looptime
async def test_a_poll_without_an_answer_is_unreachable_and_hangs_up() -> None:
    peer = Peer(b"\x12\x12")  # nothing for n = 3
    async with printer(peer, timeout_s=2.5) as (device, _):
        with pytest.raises(Unreachable):
            await anext(device.events())
        assert now() == pytest.approx(2.5)
        await asyncio.sleep(1)
        assert peer.closed


@pytest.mark.looptime
async def test_polls_wait_while_a_job_waits_for_its_barrier() -> None:
    peer = Peer(after=(b"", b"", b"", b"", b"", b"", b"", b"\x00"))
    async with printer(peer) as (device, _):
        seeing = asyncio.create_task(changes(device, 12))
        await asyncio.sleep(1)
        polls = peer.polls
        job = asyncio.create_task(device.print(SLIP))
        await asyncio.sleep(6)
        assert peer.polls == polls + 1  # the job's own
        assert await job == "printed"
        assert await seeing == []
        assert peer.polls > polls + 1


@pytest.mark.looptime
async def test_jobs_of_two_tasks_take_turns() -> None:
    peer = Peer()
    async with printer(peer) as (device, _):
        assert set(await asyncio.gather(device.print(SLIP), device.print(SLIP))) == {"printed"}
        assert now() == pytest.approx(2 + FIRST, abs=0.1)


@pytest.mark.looptime
async def test_what_came_before_the_question_answers_nothing() -> None:
    peer = Peer()
    async with printer(peer) as (device, wire):
        await wire.write(b"\x1a\x00\x7e\x32")  # late replies: offline, printed, paper out
        assert await changes(device, 1) == []
        await wire.write(b"\x00")
        peer.after, peer.trailer = (), b"\x00"
        assert await device.print(SLIP) == "unknown"


@pytest.mark.looptime
async def test_unasked_asb_is_told_before_the_next_poll() -> None:
    peer = Peer()
    async with printer(peer) as (device, wire):
        await wire.write(b"\x38\x00")
        await wire.write(b"\x00\x00")
        assert [event for _, event in await changes(device, 5)] == [
            Condition("cover_open", True),
            Condition("offline", True),
            Condition("cover_open", False),
            Condition("offline", False),
        ]


@pytest.mark.looptime
async def test_a_babbling_line_is_a_protocol_error_before_a_job_and_unknown_after_it() -> None:
    async with printer(Peer()) as (device, wire):
        await wire.write(b"U" * (BABBLE + 1))
        with pytest.raises(ProtocolError):
            await device.print(SLIP)
        with pytest.raises(Unreachable):
            await device.receive()
    async with printer(Peer(after=(b"\xff" * (BABBLE + 1), b"\x00"))) as (device, _):
        assert await device.print(SLIP) == "unknown"


@pytest.mark.looptime
async def test_a_long_quiet_life_is_no_babble() -> None:
    peer = Peer()
    async with printer(peer) as (device, _):
        assert await changes(device, BABBLE) == []
    assert peer.polls * 4 > BABBLE


async def test_a_printer_on_a_serial_line(tmp_path: Path) -> None:
    peer, url = Peer(bytes.fromhex("12 12 12 1E")), f"serial://{tmp_path}/printer"
    async with (
        serve(url, peer),
        Escpos(lambda: open_link(url)) as device,
        contextlib.aclosing(device.events()) as events,
    ):
        assert await anext(events) == Condition("paper_low", True)


# ---- options


@pytest.mark.parametrize(
    "options",
    [
        {"paper_mm": 76},
        {"paper_mm": "80"},
        {"poll_s": 0},
        {"timeout_s": -1.0},
        {"timeout_s": True},
        {"job_timeout_s": float("inf")},
        {"job_timeout_s": float("nan")},
        {"job_timeout_s": "15"},
        {"paper": 80},
        {"profile": "nobody-has-it"},
        {"font": "/nowhere.ttf"},
        {"barrier": "hope"},
    ],
)
def test_wrong_options_refuse_to_start(options: dict[str, object]) -> None:
    async def opener() -> Link:
        raise AssertionError("not opened")

    with pytest.raises(Misconfigured):
        DEVICE(opener, options)
