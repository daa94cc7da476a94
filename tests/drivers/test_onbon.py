"""Onbon text cards: the device against a scripted card in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from drivers.base import Condition, Misconfigured, Rejected, Speech, TextScreen, Unreachable, Voice
from drivers.onbon import DEVICE, Onbon
from simulators.onbon import SIMULATOR as SimulatedOnbon
from tests import frames_toml as golden
from tests.wire import End, Scripted, closed, pair

GOLDEN = {frame.name: frame for frame in golden.load("onbon")}
PHRASE = "请A001号到3号窗口"
ACK_1, ACK_2 = GOLDEN["ACK of screen 1"].raw, GOLDEN["ACK of screen 2"].raw
BUSY_1, NO_FONT_1 = GOLDEN["NACK of screen 1: busy"].raw, GOLDEN["NACK of screen 1: no font"].raw
ON_1, OFF_1, ON_2 = (GOLDEN[f"status of screen {name}"].raw for name in ("1: on", "1: off", "2: on"))
SAID = GOLDEN["show 3号窗口 and say 请A001号到3号窗口, volume 8, 6K, screen 1"].raw
SHOW = GOLDEN["show 3号窗口, still, 6K, screen 1"].raw


async def opened(*answers: bytes, **options: Any) -> tuple[Onbon, Scripted, asyncio.Task[None]]:
    link, wire = pair()

    async def opener() -> End:
        return link

    card = Scripted(wire, *answers)
    screen = Onbon(opener, options)
    await screen.__aenter__()
    return screen, card, asyncio.create_task(card.run())


def test_it_is_a_text_screen() -> None:
    assert DEVICE is Onbon
    assert issubclass(Onbon, TextScreen)
    assert issubclass(Onbon, Voice)


@pytest.mark.looptime
async def test_show_sends_the_golden_bytes_and_returns_on_the_ack() -> None:
    screen, card, task = await opened(ACK_1)
    await screen.show(1, "3号窗口")
    assert card.heard == [SHOW]
    assert not await closed(card.wire)
    await task


@pytest.mark.looptime
async def test_show_divides_the_width_for_the_fifth_generation() -> None:
    screen, card, task = await opened(ACK_1, generation="5K")
    await screen.show(1, "3号窗口")
    assert card.heard == [GOLDEN["show 3号窗口, still, 5K, screen 1"].raw]
    await task


@pytest.mark.looptime
async def test_long_text_runs() -> None:
    screen, card, task = await opened(ACK_1)
    await screen.show(0, PHRASE)
    assert card.heard == [GOLDEN["show 请A001号到3号窗口, running, 6K, screen 1"].raw]
    await task


@pytest.mark.looptime
@pytest.mark.parametrize(("answer", "reason"), [(BUSY_1, "busy"), (NO_FONT_1, "no_font")])
async def test_a_nack_is_rejected_with_its_reason_and_keeps_the_link(answer: bytes, reason: str) -> None:
    screen, card, task = await opened(answer, ACK_1)
    with pytest.raises(Rejected) as caught:
        await screen.show(1, "3号窗口")
    assert caught.value.reason == reason
    await screen.show(1, "3号窗口")
    await task
    assert card.heard == [SHOW, SHOW]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param("A0 01 00 00 00 65 20", "refused", id="NACK without an error"),
        pytest.param("A0 01 63 00 00 95 3E", "refused", id="an error of no table"),
        pytest.param("A0 00 05 00 00 74 DD", "bad_checksum", id="ACK with an error"),
    ],
)
async def test_a_contradictory_answer_is_no_success(answer: str, reason: str) -> None:
    screen, _, task = await opened(bytes.fromhex(f"A5 00 80 01 00 00 00 00 00 00 00 FE 02 05 00 {answer} 5A"))
    with pytest.raises(Rejected) as caught:
        await screen.show(1, "3号窗口")
    assert caught.value.reason == reason
    await task


@pytest.mark.looptime
async def test_silence_hangs_up() -> None:
    screen, card, task = await opened(b"")
    before = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable):
        await screen.show(1, "3号窗口")
    assert 1.5 <= asyncio.get_running_loop().time() - before < 2
    assert await closed(card.wire)
    await task


@pytest.mark.looptime
async def test_cancelling_hangs_up() -> None:
    screen, card, task = await opened(b"")
    showing = asyncio.create_task(screen.show(1, "3号窗口"))
    await task
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert await closed(card.wire)


@pytest.mark.looptime
async def test_cancelling_one_that_still_waits_its_turn_disturbs_nobody() -> None:
    screen, card, task = await opened(b"")
    first = asyncio.create_task(screen.show(1, "3号窗口"))
    await task
    second = asyncio.create_task(screen.show(1, PHRASE))
    await asyncio.sleep(0.1)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await card.wire.write(ACK_1)
    await first


@pytest.mark.looptime
async def test_what_came_before_the_question_is_no_answer() -> None:
    screen, card, task = await opened(b"")
    await card.wire.write(ACK_1)
    with pytest.raises(Unreachable):
        await screen.show(1, "3号窗口")
    assert screen.ignored == 1
    await task


@pytest.mark.looptime
async def test_what_came_after_the_answer_is_no_answer_to_the_next_question() -> None:
    screen, card, task = await opened(ACK_1, b"")
    await screen.show(1, "3号窗口")
    await card.wire.write(ACK_1)
    with pytest.raises(Unreachable):
        await screen.show(1, "3号窗口")
    await task


@pytest.mark.looptime
async def test_only_an_answer_that_is_owed_is_waited_for() -> None:
    screen, _, task = await opened(ACK_1, ACK_2, b"", ACK_2, ACK_1, screens=[1, 2])
    clock, took = asyncio.get_running_loop().time, []
    for address in (1, 2, 1, 2, 1):
        began = clock()
        with contextlib.suppress(Rejected):  # the third one: silence
            await screen.show(address, "3号窗口")
        took.append(clock() - began)
    await task
    assert took.pop(2) < 1.7
    assert took == pytest.approx([0.02, 0, 0.02, 0], abs=0.002)


@pytest.mark.looptime
async def test_the_rest_of_a_late_answer_is_no_answer() -> None:
    screen, card, task = await opened(ACK_1[15:])
    await card.wire.write(ACK_1[:15])
    with pytest.raises(Unreachable):
        await screen.show(1, "3号窗口")
    await task


@pytest.mark.looptime
async def test_answers_of_others_for_others_and_to_other_questions_are_ignored() -> None:
    own_echo, for_others = SHOW, bytes.fromhex("A5 07 00 01 00 00 00 00 00 00 00 FE 02 05 00 A0 00 00 00 00 F8 40 5A")
    too_short = bytes.fromhex("A5 00 80 01 00 00 00 00 00 00 00 FE 02 04 00 A0 00 00 00 2E F4 5A")
    screen, _, task = await opened(own_echo + ACK_2 + for_others + too_short + ON_1 + BUSY_1)
    with pytest.raises(Rejected):
        await screen.show(1, "3号窗口")
    assert screen.ignored == 5
    await task


@pytest.mark.looptime
async def test_one_exchange_at_a_time() -> None:
    screen, card, task = await opened(b"")
    first = asyncio.create_task(screen.show(1, "3号窗口"))
    second = asyncio.create_task(screen.show(1, PHRASE))
    await task
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await card.wire.read()
    await card.wire.write(ACK_1)
    await first
    assert await card.wire.read() != SHOW
    await card.wire.write(ACK_1)
    await second


@pytest.mark.looptime
async def test_replaced_characters_are_counted() -> None:
    screen, _, task = await opened(ACK_1)
    await screen.show(1, "镕")
    assert screen.replaced == 1
    await task


@pytest.mark.looptime
async def test_a_poll_tells_only_changes() -> None:
    screen, card, task = await opened(ON_1, BUSY_1, OFF_1, OFF_1, ON_1)
    events = screen.events()
    assert await anext(events) == Condition("screen_off", True)
    assert asyncio.get_running_loop().time() >= 10
    assert await anext(events) == Condition("screen_off", False)
    await task
    assert card.heard == [GOLDEN["status, screen 1"].raw] * 5
    await events.aclose()


@pytest.mark.looptime
async def test_a_silent_only_screen_is_unreachable() -> None:
    screen, card, task = await opened(ON_1, b"")
    with pytest.raises(Unreachable):
        await anext(screen.events())
    assert await closed(card.wire)
    await task


@pytest.mark.looptime
async def test_a_silent_screen_leaves_the_line_to_the_others() -> None:
    screen, card, task = await opened(ON_1, b"", ACK_1, ON_1, ON_2, screens=[1, 2])
    events = screen.events()
    assert await anext(events) == Condition("silent_2", True)
    with pytest.raises(Rejected, match="silent"):
        await screen.show(2, "3号窗口")
    await screen.show(1, "3号窗口")
    assert card.heard[-1] == SHOW
    assert await anext(events) == Condition("silent_2", False)
    assert not await closed(card.wire)
    await task
    await events.aclose()


@pytest.mark.looptime
async def test_a_line_where_nobody_answers_is_unreachable() -> None:
    screen, card, task = await opened(b"", b"", screens=[1, 2])
    with pytest.raises(Unreachable):
        await anext(screen.events())
    assert await closed(card.wire)
    await task


@pytest.mark.looptime
async def test_a_refusal_is_a_sign_of_life() -> None:
    refusal = GOLDEN["NACK of screen 2: unknown command"].raw
    screen, card, task = await opened(b"", refusal, screens=[1, 2])
    assert await anext(screen.events()) == Condition("silent_1", True)
    await task
    assert not await closed(card.wire)


@pytest.mark.looptime
async def test_garbage_is_counted() -> None:
    screen, _, task = await opened(b"noise" + BUSY_1[:-4] + ACK_1)
    await screen.show(1, "3号窗口")
    counters = screen.counters
    assert (counters.garbage, counters.bad_frames, counters.frames_in) == (5, 1, 1)
    assert counters.bytes_out == len(SHOW)
    await task


# ---- voice


@pytest.mark.looptime
async def test_an_announcement_keeps_what_is_shown_and_ends_with_its_time() -> None:
    screen, card, task = await opened(ACK_1, ACK_1, voice=True)
    await screen.show(1, "3号窗口")
    before = asyncio.get_running_loop().time()
    await screen.say(1, Speech(PHRASE))
    assert 3 < asyncio.get_running_loop().time() - before < 10
    assert card.heard == [SHOW, SAID]
    await task


@pytest.mark.looptime
async def test_the_next_text_is_silent_again() -> None:
    screen, card, task = await opened(ACK_1, ACK_1, ACK_1, voice=True)
    await screen.show(1, "3号窗口")
    await screen.say(1, Speech(PHRASE))
    await screen.show(1, "3号窗口")
    assert card.heard == [SHOW, SAID, SHOW]
    await task


@pytest.mark.looptime
async def test_a_text_comes_through_while_the_card_speaks_but_no_second_announcement() -> None:
    screen, card, task = await opened(ACK_1, ACK_1, ACK_1, ACK_1, voice=True)
    await screen.show(1, "3号窗口")
    saying = [asyncio.create_task(screen.say(1, Speech(PHRASE))) for _ in range(2)]
    await asyncio.sleep(0.5)
    await screen.show(1, "3号窗口")
    assert card.heard == [SHOW, SAID, SHOW]
    await asyncio.gather(*saying)
    assert card.heard == [SHOW, SAID, SHOW, SAID]
    await task


@pytest.mark.looptime
async def test_an_announcement_does_not_undo_a_text_that_is_on_its_way() -> None:
    screen, card, task = await opened(ACK_1, ACK_1, ACK_1, voice=True)
    await screen.show(1, "别的")
    showing = asyncio.create_task(screen.show(1, "3号窗口"))
    await asyncio.sleep(0)
    await screen.say(1, Speech(PHRASE))
    await showing
    assert card.heard[1:] == [SHOW, SAID]
    await task


@pytest.mark.looptime
async def test_a_screen_that_shows_nothing_shows_what_it_says() -> None:
    link, wire = pair()

    async def opener() -> End:
        return link

    card = SimulatedOnbon("led", {"width": 128})
    talk = asyncio.create_task(card.talk(wire))
    async with Onbon(opener, {"voice": True}) as screen:
        await screen.say(0, Speech("请A零零一号到三号窗口", volume=999))
    await talk
    assert card.shown[1] == "请A零零一号到三号窗口"
    assert "请A零零一号到三号窗口" in str(card.state()["screens"]["1"]["spoken"])


@pytest.mark.looptime
async def test_a_card_that_refuses_to_speak_is_rejected() -> None:
    screen, _, task = await opened(BUSY_1, voice=True)
    with pytest.raises(Rejected):
        await screen.say(1, Speech(PHRASE))
    await task


@pytest.mark.looptime
async def test_cards_without_voice_are_misconfigured() -> None:
    screen, card, task = await opened()
    with pytest.raises(Misconfigured):
        await screen.say(1, Speech(PHRASE))
    assert not await closed(card.wire)
    await task


@pytest.mark.parametrize(
    "options",
    [
        {"generation": "5K", "voice": True},
        {"generation": "4K"},
        {"charset": "utf-8"},
        {"width": 100},
        {"height": 0},
        {"screens": []},
        {"screens": [0]},
    ],
)
def test_wrong_options_are_misconfigured(options: dict[str, Any]) -> None:
    async def opener() -> End:
        return pair()[0]

    with pytest.raises(Misconfigured):
        Onbon(opener, options)


@pytest.mark.looptime
@pytest.mark.parametrize(("screens", "address"), [([1, 2], 0), ([1], 0xFFFE), ([1], -1)])
async def test_a_wrong_address_is_misconfigured(screens: list[int], address: int) -> None:
    screen, card, task = await opened(screens=screens)
    with pytest.raises(Misconfigured):
        await screen.show(address, "3号窗口")
    assert not await closed(card.wire)
    await task
