"""Frame profiles: the device against scripted wires in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest

from drivers.base import (
    DeviceEvent,
    Evaluator,
    Graded,
    KeyPressed,
    Misconfigured,
    NumberDisplay,
    Rejected,
    Speech,
    TextScreen,
    Unreachable,
    Voice,
)
from drivers.frame_profile import DEVICE, INBOX, MAX_REPEATS, PROFILES, FrameProfile, profile_path
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame for frame in golden.load("frame_profile")}
BUS = {frame.name: frame.raw for frame in golden.load("call_bus")}
ACCEPTED, BUSY, IDLE = (GOLDEN[f"syn6288, {word}"].raw for word in ("accepted", "busy", "idle"))
DONE = GOLDEN["a0 90, answer of strip 1"].raw
SHOWN = GOLDEN["a0 90, ticket A001 in red, strip 1"].raw
NEXT = GOLDEN["six byte box, next, box 3"].raw
BUTTON, JITTER = (frame.raw for frame in GOLDEN.values() if frame.means["profile"] == "ev1527")

BOX = """
name = "a box and an evaluator that want answers"
evidence = "sample"
source = "the FF 68 call bus, without its length"
[framing]
kind = "delimited"
head = "FF 68"
tail = "16"
[line]
{line}
[checksum]
kind = "sum8"
from = 5
to = -2
[transmit.beep]
frame = "FF 68 02 02 68 {{address:u8}} 03 {{checksum}} 16"
[[receive]]
name = "grade"
match = "FF 68 03 03 68 {{address:u8}} 11 {{grade:u8}} ?? 16"
event = "grade"
acknowledge = "FF 68 03 03 68 {{address:u8}} 01 {{grade:u8}} {{checksum}} 16"
[[receive]]
name = "key"
match = "FF 68 ?? ?? 68 {{address:u8}} ?? {{key:u8}} ?? 16"
event = "key"
values = {{ 0C = "call" }}
acknowledge = "echo"
"""
CALL, GRADE = BUS["call key, box 3"], BUS["grade 3, evaluator 3"]
ACK = BUS["acknowledgement of grade 3, evaluator 3"]


async def opened(profile: str | Path, **options: Any) -> tuple[FrameProfile, End]:
    link, wire = pair()

    async def opener() -> End:
        return link

    device = FrameProfile(opener, {"profile": str(profile), **options})
    await device.__aenter__()
    return device, wire


def box(folder: Path, line: str = "") -> Path:
    (folder / "box.toml").write_text(BOX.format(line=line), "utf-8")
    return folder / "box.toml"


def without(folder: Path, name: str, *keys: str) -> Path:
    """A shipped profile without the lines of these keys."""
    kept = [line for line in (PROFILES / f"{name}.toml").read_text("utf-8").splitlines() if not line.startswith(keys)]
    (folder / f"{name}.toml").write_text("\n".join(kept), "utf-8")
    return folder / f"{name}.toml"


async def heard(wire: End, seconds: float = 0.1) -> list[bytes]:
    """What the host writes within that time, write by write."""
    writes = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                writes.append(await wire.read())
    except TimeoutError:
        return writes


async def told(device: FrameProfile, seconds: float = 0.1) -> list[DeviceEvent]:
    """The events until the line has been quiet for that time; the last one is acknowledged."""
    events, found = device.events(), []
    try:
        while True:
            async with asyncio.timeout(seconds):
                found.append(await anext(events))
    except TimeoutError:
        return found


async def took(command: Coroutine[Any, Any, None]) -> float:
    before = asyncio.get_running_loop().time()
    await command
    return asyncio.get_running_loop().time() - before


async def replies(wire: End, *answers: tuple[float, bytes]) -> list[bytes]:
    """Reads one frame before each run of answers that begins with a pause of 0."""
    asked = []
    for pause, answer in answers:
        if pause == 0:
            asked.append(await wire.read())
        await asyncio.sleep(pause)
        await wire.write(answer)
    return asked


# ---- what goes out


def command(device: FrameProfile, means: dict[str, Any]) -> Coroutine[Any, Any, None]:
    address = means.get("address", 1)
    match means["verb"]:
        case "show":
            return device.show(address, means["text"])
        case "show_number":
            return device.show_number(address, means.get("ticket"), means.get("waiting", 0))
        case "say":
            return device.say(address, Speech(means["text"], means.get("volume", 80)))
        case "invite":
            return device.invite(address)
        case _:
            return device.stop(address)


@pytest.mark.looptime
@pytest.mark.parametrize("frame", golden.load("frame_profile", "out"), ids=str)
async def test_golden_frames_go_out(frame: golden.Frame, tmp_path: Path) -> None:
    profile: Path | str = frame.means["profile"]
    if not frame.means.get("tagged", True):
        profile = without(tmp_path, "syn6288", "volume_tag")
    device, wire = await opened(profile, seconds=frame.means.get("seconds", 30))
    doing = asyncio.create_task(command(device, frame.means))
    if frame.means["verb"] == "show":
        assert await wire.read() == frame.raw
        await wire.write(DONE)
    else:
        assert (await heard(wire, 60))[frame.means.get("nth", 0)] == frame.raw
    await doing


def test_it_has_the_four_capabilities() -> None:
    assert DEVICE is FrameProfile
    for capability in (TextScreen, NumberDisplay, Evaluator, Voice):
        assert issubclass(FrameProfile, capability)


async def test_a_verb_that_the_profile_lacks_is_rejected_and_named() -> None:
    device, _ = await opened("six_byte_box")
    with pytest.raises(Rejected, match=r"\[transmit\.beep\]; it has show_number"):
        await device.beep(3)
    for lacking in (device.show(3, "x"), device.invite(3), device.say(3, Speech("x")), device.stop(3)):
        with pytest.raises(Rejected, match=r"\[transmit\."):
            await lacking


def test_what_a_profile_lacks_is_told_before_anything_runs() -> None:
    assert FrameProfile.lacks({"profile": "six_byte_box"}, NumberDisplay, 3) is None
    assert FrameProfile.lacks({"profile": "six_byte_box"}, TextScreen, 3) == "its profile has no [transmit.show]"
    for call_box in ("six_byte_box", "ev1527", "four_byte_board"):
        assert FrameProfile.lacks({"profile": call_box}, KeyPressed, 3) is None
    assert "neither a rule" in str(FrameProfile.lacks({"profile": "syn6288"}, KeyPressed, 0))
    assert {KeyPressed, Graded} <= set(FrameProfile.TELLS)
    with pytest.raises(Misconfigured):
        FrameProfile.lacks({}, TextScreen, 3)


async def test_radio_buttons_show_no_number_and_a_voice_refuses_one() -> None:
    device, wire = await opened("ev1527")
    await device.show_number(0x1234, 7, 0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wire.read(), 0.01)
    device, _ = await opened("syn6288")
    with pytest.raises(Rejected, match="no_show_number"):
        await device.show_number(0, 7, 0)


async def test_an_address_that_does_not_fit_is_misconfigured() -> None:
    device, _ = await opened("four_byte_board")
    with pytest.raises(Misconfigured, match="address 300 does not fit u8"):
        await device.show_number(300, 1, 0)


@pytest.mark.parametrize("options", [{}, {"profile": "../demo"}, {"profile": "nobody"}, {"profile": ""}])
def test_a_profile_that_is_not_there_is_misconfigured(options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match=r"profile|nobody"):
        FrameProfile(lambda: asyncio.sleep(0, pair()[0]), options)


def test_every_shipped_profile_says_how_well_its_facts_are_known() -> None:
    async def opener() -> End:
        return pair()[0]

    said = {path.stem: FrameProfile(opener, {"profile": path.stem}).evidence for path in PROFILES.glob("*.toml")}
    assert said == {
        "a0_90": "one-source",
        "ev1527": "sample",
        "four_byte_board": "sample",
        "pj06": "one-source",
        "six_byte_box": "one-source",
        "syn6288": "two-sources",
        "xunpeng_digits": "sample",
    }


def test_profiles_are_found_by_name_and_by_path() -> None:
    assert profile_path("pj06") == PROFILES / "pj06.toml"
    assert profile_path("/etc/hall/acme.toml") == Path("/etc/hall/acme.toml")


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("ticket", "waiting", "raw"), [(12999, 0, "03 E7"), (None, 4321, "03 E7"), (None, -1, "00 00"), (0, 5, "00 00")]
)
async def test_a_board_shows_the_last_digits_of_a_ticket_and_at_most_999_waiting(
    ticket: int | None, waiting: int, raw: str
) -> None:
    device, wire = await opened("four_byte_board")
    await device.show_number(5, ticket, waiting)
    assert (await wire.read())[1:3] == bytes.fromhex(raw)


@pytest.mark.looptime
async def test_a_pause_between_the_frames_of_one_line() -> None:
    device, wire = await opened("pj06")
    assert 1.0 <= await took(device.invite(0)) < 1.1
    assert len(await heard(wire)) == 2


# ---- answers


@pytest.mark.looptime
async def test_show_returns_on_the_answer_of_its_own_strip_also_while_events_are_awaited() -> None:
    device, wire = await opened("a0_90")
    listening = asyncio.create_task(anext(device.events()))
    await asyncio.sleep(0.01)
    showing = asyncio.create_task(device.show(1, "请A001号"))
    assert await wire.read() == SHOWN
    await wire.write(GOLDEN["a0 90, longer answer of strip 7"].raw)
    await asyncio.sleep(0.3)
    assert not showing.done()
    await wire.write(DONE)
    await showing
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.looptime
async def test_a_strip_that_does_not_answer_is_unreachable_and_the_link_is_closed() -> None:
    device, _ = await opened("a0_90")
    with pytest.raises(Unreachable, match="did not answer within 1 s"):
        await device.show(1, "x")
    with pytest.raises(Unreachable):
        await device.show(1, "x")


@pytest.mark.looptime
async def test_a_cancelled_exchange_closes_the_link() -> None:
    device, wire = await opened("a0_90")
    showing = asyncio.create_task(device.show(1, "x"))
    await wire.read()
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)
    with pytest.raises(Unreachable):
        await asyncio.wait_for(anext(device.events()), 5)


@pytest.mark.looptime
async def test_a_strip_gets_no_more_than_it_holds(tmp_path: Path) -> None:
    device, wire = await opened(without(tmp_path, "a0_90", "answer", "timeout_s"))
    await device.show(1, "号" * 100)
    sent = await wire.read()
    assert (sent[4:6], len(sent)) == (bytes([0, 252]), 6 + 252 + 1)
    assert device.replaced == 100 - 84
    await device.show(1, "")
    assert (await wire.read())[6:-1] == b" \x00"


# ---- the voice


@pytest.mark.looptime
async def test_say_waits_until_the_board_is_idle() -> None:
    device, wire = await opened("syn6288")
    talking = asyncio.create_task(replies(wire, (0, ACCEPTED), (3, IDLE)))
    assert 3.0 <= await took(device.say(0, Speech("请A零零一号到三号窗口"))) < 3.2
    assert (await talking)[0][5:10] == b"[v13]"
    assert device.unanswered == 0


@pytest.mark.looptime
async def test_say_is_bounded_when_no_reply_comes() -> None:
    device, _ = await opened("syn6288")
    assert await took(device.say(0, Speech("请" * 10))) == pytest.approx(2 + 10 * 0.5, abs=0.2)
    assert device.unanswered == 1
    await device.say(0, Speech("请"))  # the line is still there: some boards are wired one way only


@pytest.mark.looptime
async def test_an_idle_of_the_text_before_does_not_end_this_one() -> None:
    device, wire = await opened("syn6288")
    talking = asyncio.create_task(replies(wire, (0, IDLE), (0.5, ACCEPTED), (2, IDLE)))
    assert 2.5 <= await took(device.say(0, Speech("请A零零一号"))) < 2.7
    await talking


@pytest.mark.looptime
async def test_a_text_that_a_busy_board_refused_is_said_again_when_it_is_idle() -> None:
    device, wire = await opened("syn6288")
    talking = asyncio.create_task(replies(wire, (0, BUSY), (2, IDLE), (0, ACCEPTED), (1, IDLE)))
    assert 3.0 <= await took(device.say(0, Speech("请A零零一号"))) < 3.2
    first, second = await talking
    assert first == second


@pytest.mark.looptime
async def test_a_board_that_stays_busy_refuses() -> None:
    device, wire = await opened("syn6288")
    talking = asyncio.create_task(replies(wire, (0, BUSY), (1, IDLE), (0, BUSY), (1, IDLE)))
    with pytest.raises(Rejected, match="busy"):
        await device.say(0, Speech("请A零零一号"))
    await talking


@pytest.mark.looptime
async def test_long_texts_go_out_in_pieces_that_the_board_takes() -> None:
    device, wire = await opened("syn6288")
    text = "请A零零一号到三号窗口。" * 20
    talking = asyncio.create_task(replies(wire, *[(0, ACCEPTED), (1, IDLE)] * 3))
    await device.say(0, Speech(text, volume=0))
    texts = [frame[5:-1] for frame in await talking]
    assert all(len(part) <= 200 and part.startswith(b"[v0]") for part in texts)
    assert b"".join(part[4:] for part in texts).decode("gb2312") == text


@pytest.mark.looptime
async def test_a_text_carries_no_tags_of_its_own() -> None:
    device, wire = await opened("syn6288")
    talking = asyncio.create_task(replies(wire, (0, ACCEPTED), (1, IDLE)))
    await device.say(0, Speech("[t0]请"))
    assert (await talking)[0][5:-1] == b"[v13]" + "［t0]请".encode("gb2312")


@pytest.mark.looptime
async def test_stop_goes_out_while_the_board_speaks() -> None:
    device, wire = await opened("syn6288")
    saying = asyncio.create_task(device.say(0, Speech("请" * 50)))
    await wire.read()
    await wire.write(ACCEPTED)
    await asyncio.sleep(1)
    await device.stop(0)
    assert await wire.read() == GOLDEN["syn6288, stop"].raw
    await wire.write(ACCEPTED + IDLE)
    assert await took(asyncio.wait_for(saying, 1)) < 0.1


@pytest.mark.looptime
async def test_nothing_to_say_is_said_at_once() -> None:
    device, wire = await opened("syn6288")
    await device.say(0, Speech(""))
    assert await heard(wire) == []


# ---- what comes in


@pytest.mark.looptime
async def test_bare_bytes_are_grades_and_the_others_are_counted() -> None:
    device, wire = await opened("pj06")
    await wire.write(b"\x00\x01\x07\x06\xff")
    assert await told(device) == [Graded(0, 1), Graded(0, 6)]
    assert device.ignored == 3


@pytest.mark.looptime
async def test_a_button_that_is_held_is_one_press_and_two_buttons_are_two() -> None:
    device, wire = await opened("ev1527")
    other = bytes.fromhex("FD A1 23 42 5C DF")
    telling = asyncio.create_task(told(device, 4))
    for frame in [BUTTON, other, JITTER, BUTTON, other, JITTER] * 5:
        await wire.write(frame)
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.6)
    await wire.write(BUTTON)
    assert await telling == [KeyPressed(0x1234, "call"), KeyPressed(0x1234, "recall"), KeyPressed(0x1234, "call")]
    assert device.repeated == 28


async def hold(wire: End, seconds: float, *buttons: bytes, random: Random) -> None:
    """Each button is repeated all the time, every tenth of a second or so; the byte before the end jitters."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        for button in buttons:
            await wire.write(button[:-2] + random.randbytes(1) + button[-1:])
            await asyncio.sleep(random.uniform(0.03, 0.4 / len(buttons)))


@pytest.mark.looptime
@pytest.mark.parametrize("busy_s", [0.0, 2.0], ids=["the hall is quick", "the hall is busy"])
async def test_buttons_held_for_a_minute_are_one_press_each_and_a_later_press_is_told(busy_s: float) -> None:
    device, wire = await opened("ev1527")
    other, told = bytes.fromhex("FD A1 23 42 5C DF"), list[DeviceEvent]()

    async def take() -> None:
        async for event in device.events():
            told.append(event)
            await asyncio.sleep(busy_s)

    taking = asyncio.create_task(take())
    await hold(wire, 1, BUTTON, random=Random(1))
    await hold(wire, 59, BUTTON, other, random=Random(2))
    await asyncio.sleep(2.5)
    assert told == [KeyPressed(0x1234, "call"), KeyPressed(0x1234, "recall")]
    await hold(wire, 0.3, other, random=Random(3))
    await asyncio.sleep(2.5)
    assert told[2:] == [KeyPressed(0x1234, "recall")]
    assert device.repeated > 300
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)


@pytest.mark.looptime
async def test_the_staff_keys_of_the_six_byte_box_are_the_halls_words() -> None:
    device, wire = await opened("six_byte_box")
    for key in ("06", "1A", "07"):
        await wire.write(bytes.fromhex(f"01 03 {key} 73 73 FF"))
    assert await told(device) == [KeyPressed(3, "sign_in"), KeyPressed(3, "sign_out"), KeyPressed(3, "key_07")]


@pytest.mark.looptime
async def test_presses_that_nobody_takes_do_not_pile_up() -> None:
    device, wire = await opened("six_byte_box")
    events = device.events()
    await wire.write(NEXT)
    await anext(events)
    flood = b"".join(bytes([1, address, 0, 0, 0, 0xFF]) for address in range(100, 200))
    await wire.write(flood * 3)
    assert len(await told(device)) == INBOX
    assert device.ignored > 0


@pytest.mark.looptime
async def test_a_key_is_echoed_before_it_is_told_and_again_when_it_repeats(tmp_path: Path) -> None:
    device, wire = await opened(box(tmp_path))
    events = device.events()
    await wire.write(CALL)
    assert await anext(events) == KeyPressed(3, "call")
    assert await heard(wire) == [CALL]
    await wire.write(CALL)
    assert await told(device) == []
    assert await heard(wire) == [CALL]
    await asyncio.sleep(1)
    await wire.write(CALL)
    assert await told(device) == [KeyPressed(3, "call")]


@pytest.mark.looptime
async def test_a_grade_is_acknowledged_when_the_next_event_is_asked_for(tmp_path: Path) -> None:
    device, wire = await opened(box(tmp_path))
    events = device.events()
    await wire.write(GRADE)
    assert await anext(events) == Graded(3, 3)
    assert await heard(wire, 5) == []
    asking = asyncio.create_task(anext(events))
    assert await heard(wire) == [ACK]
    await wire.write(CALL)
    assert await asking == KeyPressed(3, "call")


@pytest.mark.looptime
async def test_a_grade_whose_consumer_failed_is_not_acknowledged_and_told_again(tmp_path: Path) -> None:
    device, wire = await opened(box(tmp_path))
    events = device.events()
    await wire.write(GRADE)
    await anext(events)
    with pytest.raises(RuntimeError):
        await events.athrow(RuntimeError("no commit"))
    assert await heard(wire) == []
    await wire.write(GRADE)
    assert await told(device) == [Graded(3, 3)]


@pytest.mark.looptime
async def test_a_wrong_checksum_is_neither_told_nor_answered_and_is_counted(tmp_path: Path) -> None:
    device, wire = await opened(box(tmp_path))
    await wire.write(CALL[:-2] + b"\x10\x16")
    assert await told(device, 2) == []
    assert await heard(wire) == []
    assert device.counters.bad_frames == 1
    await wire.write(CALL)
    assert await told(device) == [KeyPressed(3, "call")]


@pytest.mark.looptime
async def test_a_box_that_never_stops_repeating_gets_no_more_answers(tmp_path: Path) -> None:
    device, wire = await opened(box(tmp_path))
    telling = asyncio.create_task(told(device, 6))
    for _ in range(50):
        await wire.write(CALL)
        await asyncio.sleep(0.1)
    assert await telling == [KeyPressed(3, "call")]
    assert await heard(wire) == [CALL] * (1 + MAX_REPEATS)


@pytest.mark.looptime
async def test_own_bytes_that_come_back_are_no_presses(tmp_path: Path) -> None:
    device, wire = await opened(box(tmp_path, "own_echo = true"))
    telling = asyncio.create_task(told(device, 1))
    await wire.write(CALL)
    echo = await wire.read()
    await wire.write(echo[:4])
    await wire.write(echo[4:] + GRADE)
    assert await telling == [KeyPressed(3, "call"), Graded(3, 3)]
    assert device.repeated == 0


@pytest.mark.looptime
async def test_a_frame_that_was_cut_does_not_hold_up_the_next_press() -> None:
    device, wire = await opened("ev1527")
    telling = asyncio.create_task(told(device, 2))
    await wire.write(BUTTON[:4])
    await asyncio.sleep(1)
    await wire.write(BUTTON)
    assert await telling == [KeyPressed(0x1234, "call")]
    assert device.counters.bad_frames == 1


@pytest.mark.looptime
async def test_silence_ends_frames_that_have_no_end(tmp_path: Path) -> None:
    (tmp_path / "gap.toml").write_text(
        "name='g'\nevidence='sample'\nsource='made up'\n[framing]\nkind='gap'\ngap_ms=20\n"
        "[[receive]]\nname='k'\nmatch='AA {key:u8} ..'\nevent='key'\nvalues={01='call'}\n",
        "utf-8",
    )
    device, wire = await opened(tmp_path / "gap.toml")
    telling = asyncio.create_task(told(device, 1))
    for piece in (b"\xaa", b"\x01", b"rest"):
        await wire.write(piece)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    await wire.write(b"\xaa\x02")
    assert await telling == [KeyPressed(0, "call"), KeyPressed(0, "key_02")]


@pytest.mark.looptime
async def test_a_line_that_hangs_up_is_unreachable() -> None:
    device, wire = await opened("pj06")
    await wire.close()
    with pytest.raises(Unreachable):
        await anext(device.events())
