"""Boot reports of keyboards: golden frames through the codec, and which keys they press."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hid import BOUNCE_S, NAMES, REPORT, STUCK_S, Decoder, Keys
from tests import frames_toml as golden

GOLDEN = {frame.name: frame for frame in golden.load("hid")}
DOWN = {name: frame for name, frame in GOLDEN.items() if "keys" in frame.means}
PHANTOM = (1,) * 6
LAST = GOLDEN["key 1"]
# What is no report and has no 00 in its second place, however it is cut; and the ends of reports.
NOISE = [b"\xff" * 7, b"\x1e", b"\x00", GOLDEN["key 8"].raw[:5], GOLDEN["six keys"].raw[1:]]


def names(usages: tuple[int, ...]) -> list[str]:
    return [NAMES[usage] for usage in usages]


@pytest.mark.parametrize("frame", DOWN.values(), ids=str)
def test_every_golden_report_decodes_however_it_is_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        decoder = Decoder()
        found = [names(report) for piece in pieces for report in decoder.feed(piece)]
        assert found == [frame.means["keys"]]
        assert (decoder.garbage, decoder.bad_frames, len(decoder.rest)) == (0, 0, 0)


@pytest.mark.parametrize("frame", DOWN.values(), ids=str)
def test_silence_after_noise_brings_the_next_report_back(frame: golden.Frame) -> None:
    for noise in NOISE:
        decoder = Decoder()
        decoder.feed(noise)
        decoder.forget()
        assert [names(report) for report in decoder.feed(frame.raw)] == [frame.means["keys"]]
        assert decoder.garbage + decoder.bad_frames > 0


def test_a_lost_byte_presses_no_key_that_was_not_pressed() -> None:
    stream = b"".join(GOLDEN[name].raw for name in ("key 1", "no key", "key 8", "no key", "key 4", "no key"))
    for at in range(len(stream)):
        decoder, keys = Decoder(), Keys()
        reports = decoder.feed(stream[:at] + stream[at + 1 :])
        pressed = [usage for nth, report in enumerate(reports) for usage in keys.take(report, nth)]
        assert set(names(tuple(pressed))) <= {"1", "8", "4"}, at
        assert len(pressed) <= 3, at


@given(st.binary(max_size=200))
def test_any_bytes_are_survived_and_few_are_kept(data: bytes) -> None:
    decoder = Decoder()
    for report in decoder.feed(data):
        Keys().take(report, 0.0)
    assert len(decoder.rest) < REPORT
    decoder.forget()
    assert decoder.feed(LAST.raw) == [(0x1E,)]


@given(
    st.data(), st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in GOLDEN.values())]) | st.binary(max_size=9))
)
def test_any_split_gives_the_same(data: st.DataObject, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    whole, cut = Decoder(), Decoder()
    found, rest = [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert found == whole.feed(stream)
    assert (cut.garbage, cut.rest) == (whole.garbage, whole.rest)


def test_the_keys_are_those_that_linux_knows() -> None:
    """Usage -> code of linux/input-event-codes.h, and what is printed on the key of that code."""
    linux = {0x04: 30, 0x1E: 2, 0x22: 6, 0x27: 11, 0x28: 28, 0x29: 1, 0x2A: 14, 0x2D: 12, 0x36: 51, 0x37: 52, 0x38: 53}
    linux |= {
        0x3A: 59,
        0x54: 98,
        0x55: 55,
        0x56: 74,
        0x57: 78,
        0x58: 96,
        0x59: 79,
        0x5D: 76,
        0x61: 73,
        0x62: 82,
        0x63: 83,
    }
    printed = {30: "A", 2: "1", 6: "5", 11: "0", 28: "Enter", 1: "Esc", 14: "Backspace", 12: "-", 51: ",", 52: "."}
    printed |= {53: "/", 59: "F1", 98: "/", 55: "*", 74: "-", 78: "+", 96: "Enter", 79: "1", 76: "5", 73: "9", 82: "0"}
    printed |= {83: "."}
    assert {usage: NAMES[usage] for usage in linux} == {usage: printed[code] for usage, code in linux.items()}


# ---- which keys a report presses


def pressed(*reports: tuple[str, float]) -> list[list[str]]:
    """The keys that golden reports at these times press, report by report."""
    keys, decoder = Keys(), Decoder()
    return [names(tuple(keys.take(decoder.feed(GOLDEN[name].raw)[0], at))) for name, at in reports]


def test_a_key_that_is_held_is_pressed_once_and_overlapping_keys_once_each() -> None:
    told = pressed(
        ("key U", 0), ("key N while U is down", 0.1), ("key N while U is down", 0.2), ("key N, U is up", 0.3)
    )
    assert told == [["U"], ["N"], [], []]


def test_keys_of_one_report_are_pressed_in_its_order_and_their_places_mean_nothing() -> None:
    told = pressed(("six keys", 0), ("seven keys", 0.1), ("six keys", 0.2), ("five keys", 0.3), ("no key", 0.4))
    assert told == [["Q", "W", "E", "R", "T", "Y"], [], [], [], []]


def test_a_report_without_room_and_a_fault_release_nothing() -> None:
    keys = Keys()
    assert keys.take((0x1E,), 0) == [0x1E]
    for nth, fault in enumerate([PHANTOM, (2,) * 6, (3,) * 6, (0x1F, 1)], 1):
        assert keys.take(fault, nth) == []
        assert keys.take((0x1E,), nth + 0.5) == []


def test_a_usage_that_is_there_twice_is_one_key() -> None:
    assert Keys().take((0x1E, 0x1E, 0x1F), 0) == [0x1E, 0x1F]


@pytest.mark.parametrize(("gap", "presses"), [(0.001, 1), (0.025, 1), (0.035, 2), (0.2, 2)])
def test_a_key_that_comes_back_at_once_was_never_gone(gap: float, presses: int) -> None:
    told = pressed(("key 1", 0), ("no key", 0.1), ("key 1", 0.1 + gap))
    assert sum(map(len, told)) == presses


def test_a_key_that_bounces_for_ever_is_one_press_and_stuck() -> None:
    keys, told = Keys(), 0
    for nth in range(1200):
        told += len(keys.take((0x1E,) if nth % 2 == 0 else (), nth * 0.01))
    assert told == 1
    assert keys.stuck(12.0)
    assert not keys.stuck(12.0 + BOUNCE_S)


def test_when_to_look_at_keys_that_are_down() -> None:
    keys = Keys()
    assert keys.due(0) is None
    keys.take((0x1E,), 1.0)
    keys.take((0x1E, 0x1F), 3.0)
    assert keys.due(3.0) == 1.0 + STUCK_S
    assert (keys.stuck(10.9), keys.stuck(11.0)) == (False, True)
    assert keys.due(11.0) == 3.0 + STUCK_S
    keys.take((0x1F,), 12.0)
    assert keys.due(12.0) == 12.0 + BOUNCE_S
    assert (keys.stuck(12.0), keys.stuck(12.0 + BOUNCE_S)) == (True, False)


REPORTS = st.lists(st.tuples(st.lists(st.integers(0, 8), max_size=6), st.floats(0.031, 3)), max_size=30)


@given(REPORTS)
def test_without_bounce_a_press_is_a_key_that_was_not_down_before(reports: list[tuple[list[int], float]]) -> None:
    keys, before, now = Keys(), set[int](), 0.0
    for usages, pause in reports:
        now += pause
        told = keys.take(usages, now)
        if {1, 2, 3} & set(usages):
            assert told == []
            continue
        assert told == [usage for usage in dict.fromkeys(usages) if usage not in before]
        before = set(usages)


@given(st.lists(st.tuples(st.lists(st.integers(4, 8), max_size=6), st.floats(0, 12)), max_size=30))
def test_between_reports_nothing_sticks_or_comes_free_before_it_is_due(reports: list[tuple[list[int], float]]) -> None:
    keys, now = Keys(), 0.0
    for usages, pause in reports:
        keys.take(usages, now)
        stuck = keys.stuck(now)
        while (due := keys.due(now)) is not None and due < now + pause:
            assert keys.stuck(due - 0.002) == stuck
            stuck, pause, now = keys.stuck(due), now + pause - due, due
        now += pause
