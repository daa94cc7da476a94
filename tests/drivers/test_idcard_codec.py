"""ID-card readers: golden frames through the codec."""

from __future__ import annotations

from typing import SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Counters
from drivers.idcard import FIND, READ, SAYS, SELECT, STATUS, Decoder, Reply, request, wipe
from tests import frames_toml as golden
from tests.drivers.idcard_cards import GOLDEN, NO_CARD, PAGE, WELL, frame

REQUESTS, REPLIES = golden.load("idcard", "out"), golden.load("idcard", "in")
SHORT = [reply for reply in REPLIES if len(reply.raw) < 100]
PREAMBLE = bytes.fromhex("AA AA AA 96 69")
LONGEST = len(PREAMBLE) + 2 + 0x0A00
# Text, the beginning of a preamble, one too many of its bytes, our own request, lengths below and above all there are.
NOISE = [
    b"noise",
    b"\xaa\xaa",
    b"\xaa\xaa\xaa\x96",
    b"\xaa" * 7,
    bytes(40),
    PREAMBLE + b"\x00\x03",
    PREAMBLE + b"\xff\xff",
    PREAMBLE + b"\x0a\x01",
    GOLDEN["find a card"].raw,
]


def meaning(reply: golden.Frame) -> Reply:
    assert reply.raw[9] == reply.means["code"]
    data = bytearray(reply.raw[10:-1])
    assert len(data) == reply.means["data"]
    return Reply(reply.means["code"], data)


@pytest.mark.parametrize("sent", REQUESTS, ids=str)
def test_requests_are_the_golden_ones(sent: golden.Frame) -> None:
    assert request(sent.means["command"], sent.means["parameter"]) == sent.raw


def test_fingerprints_are_never_asked_for() -> None:
    commands = [command.raw for command in (STATUS, FIND, SELECT, READ)]
    names = ["status", "find a card", "select the card", "read text and photo"]
    assert commands == [GOLDEN[name].raw for name in names]


@pytest.mark.parametrize("reply", SHORT, ids=str)
def test_every_golden_reply_decodes_however_it_is_split(reply: golden.Frame) -> None:
    for pieces in golden.splits(reply.raw):
        decoder = Decoder()
        assert [found for piece in pieces for found in decoder.feed(piece)] == [meaning(reply)]
        assert decoder.counters == Counters(frames_in=1)


def test_the_long_reply_decodes_byte_by_byte_and_in_pieces() -> None:
    for size in (1, 7, 64, 1294):
        decoder = Decoder()
        pieces = [PAGE[at : at + size] for at in range(0, len(PAGE), size)]
        assert [found for piece in pieces for found in decoder.feed(piece)] == [meaning(GOLDEN["text and photo"])]
        assert decoder.counters == Counters(frames_in=1)


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_noise_around_a_reply_does_not_hide_it(reply: golden.Frame) -> None:
    for data in golden.noisy(reply.raw, NOISE):
        decoder = Decoder()
        found = decoder.feed(data)
        decoder.forget()
        assert found == [meaning(reply)], data
        assert decoder.counters.garbage == len(data) - len(reply.raw)


@pytest.mark.parametrize("reply", SHORT, ids=str)
def test_a_changed_bit_costs_that_reply_only(reply: golden.Frame) -> None:
    """Except in the length, which says how long to wait for the rest."""
    for at in range(len(reply.raw) * 8):
        wrong = bytearray(reply.raw)
        wrong[at // 8] ^= 1 << at % 8
        decoder = Decoder()
        found = decoder.feed(bytes(wrong) + WELL)
        if at // 8 in (5, 6):
            found += decoder.feed(bytes(LONGEST))
        assert found == [meaning(GOLDEN["all is well"])], at


@pytest.mark.parametrize("reply", SHORT, ids=str)
def test_a_cut_reply_costs_that_reply_only(reply: golden.Frame) -> None:
    for at in range(1, len(reply.raw)):
        decoder = Decoder()
        found = decoder.feed(reply.raw[:at] + NO_CARD) + decoder.feed(bytes(LONGEST))
        assert found == [meaning(GOLDEN["no card"])], at
        assert decoder.counters.bad_frames == (at > 4)


def test_the_longest_reply_of_all_is_a_reply() -> None:
    # With text, photo and two fingerprints, 2321 bytes in all.
    raw = frame(bytes.fromhex("09 0A 00 00 90 01 00 04 00 04 00") + bytes(256 + 1024 + 1024))
    assert len(raw) == 2321
    [reply] = Decoder().feed(raw)
    assert len(reply.data) == 2310


@pytest.mark.parametrize("length", ["00 00", "00 03", "0A 01", "FF FF"])
def test_a_length_that_cannot_be_is_not_waited_for(length: str) -> None:
    decoder = Decoder()
    assert decoder.feed(PREAMBLE + bytes.fromhex(length) + NO_CARD) == [meaning(GOLDEN["no card"])]
    assert (decoder.counters.bad_frames, decoder.counters.garbage) == (1, 7)


class Watched(bytearray):
    """Lets go only of zeros."""

    def __delitem__(self, where: SupportsIndex | slice) -> None:
        assert not any(self[where] if isinstance(where, slice) else [self[where]])
        super().__delitem__(where)


@pytest.mark.parametrize("data", [PAGE, PAGE + b"noise" + PAGE, PAGE[:700], PAGE[:-1] + b"?" + NO_CARD])
def test_what_is_let_go_is_overwritten(data: bytes) -> None:
    decoder = Decoder()
    decoder._buffer = Watched()
    replies = decoder.feed(data)
    decoder.forget()
    assert decoder._buffer == b""
    for reply in replies:
        wipe(reply.data)
        assert not any(reply.data)


def test_a_reply_does_not_print_its_data() -> None:
    assert repr(Reply(0x90, bytearray(PAGE))) == "Reply(code=144)"


def test_every_code_of_the_golden_replies_has_words() -> None:
    assert {reply.means["code"] for reply in REPLIES} <= SAYS.keys()


@given(st.binary(max_size=300), st.integers(0, 60))
def test_any_bytes_are_survived_and_few_are_kept(data: bytes, times: int) -> None:
    decoder = Decoder()
    for _ in range(times):
        decoder.feed(PREAMBLE + data)
        assert len(decoder._buffer) <= LONGEST
    decoder.forget()
    assert decoder.feed(NO_CARD) == [meaning(GOLDEN["no card"])]


@given(st.data(), st.lists(st.sampled_from([*NOISE, *(reply.raw for reply in SHORT)]) | st.binary(max_size=20)))
def test_any_split_gives_the_same(data: st.DataObject, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    whole, cut = Decoder(), Decoder()
    found, rest = [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert whole.feed(stream) == found
    assert whole.counters == cut.counters


# ---- what answers what


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("all is well", [STATUS, SELECT]),
        ("a card is there", [FIND]),
        ("the card is selected", [STATUS, SELECT]),
        ("text and photo", [READ]),
        ("no card", [FIND, SELECT, READ]),
        ("reading failed", [FIND, SELECT, READ]),
        ("self-test failed", [STATUS, FIND, SELECT, READ]),
        ("wrong checksum", [STATUS, FIND, SELECT, READ]),
    ],
)
def test_a_reply_answers_what_it_can(name: str, commands: list[object]) -> None:
    reply = meaning(GOLDEN[name])
    assert [command for command in (STATUS, FIND, SELECT, READ) if command.answers(reply)] == commands
