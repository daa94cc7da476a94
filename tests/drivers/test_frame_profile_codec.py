"""Frame profiles: golden frames through the codec, hostile bytes, and profiles that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Condition, DeviceEvent, Graded, KeyPressed, Misconfigured
from drivers.frame_profile import PROFILES, explain, load_profile
from drivers.profile_file import parse_profile
from drivers.profile_frames import Decoder, characters, interpret, pack, render
from drivers.profile_language import Profile, encode_number, template
from tests import frames_toml as golden

SHIPPED = {path.stem: load_profile(path) for path in sorted(PROFILES.glob("*.toml"))}
HEARD = golden.load("frame_profile", "in")
BUS = {frame.name: frame for frame in golden.load("call_bus")}
NOISE = [b"\x00\x7fnoise", b"\xff", b"\xa0", b"\xa0\x90", b"\x01\x03\x00", b"\xfd", b"\x55\xaa\x02"]

FF68 = parse_profile(
    """
name = "FF 68"
evidence = "two-sources"
source = "the call bus, said in this language"
[framing]
kind = "length"
offset = 2
adjust = 4
head = "FF 68"
tail = "16"
max = 15
[checksum]
kind = "sum8"
from = 5
to = -2
[transmit.show_number]
frame = "FF 68 {length:u8-4} {length:u8-3} 68 {address:u8} 02 0A 0A 0A {number:digits} {checksum} 16"
waiting = "FF 68 {length:u8-4} {length:u8-3} 68 {address:u8} 02 {number:digits} 0A 0A 0A {checksum} 16"
digits = 3
[transmit.beep]
frame = "FF 68 {length:u8-4} {length:u8-3} 68 {address:u8} 03 {checksum} 16"
[transmit.invite]
frame = "FF 68 {length:u8-4} {length:u8-3} 68 {address:u8} 01 0B {checksum} 16"
[[receive]]
name = "grade"
match = "FF 68 03 03 68 {address:u8} 11 {grade:u8} ?? 16"
event = "grade"
acknowledge = "FF 68 03 03 68 {address:u8} 01 {grade:u8} {checksum} 16"
[[receive]]
name = "key"
match = "FF 68 ?? ?? 68 {address:u8} ?? {digits:bytes} {key:u8} ?? 16"
event = "key"
values = { 0A = "transfer", 0B = "finish", 0C = "call", 0D = "recall" }
acknowledge = "echo"
""",
    "ff68.toml",
)


def profile(text: str) -> Profile:
    return parse_profile(text, "p.toml")


def expected(means: dict[str, object]) -> DeviceEvent | None:
    if means["event"] == "key":
        return KeyPressed(int(str(means["address"])), str(means["key"]))
    if means["event"] == "grade":
        return Graded(int(str(means["address"])), int(str(means["grade"])))
    return None


def test_every_shipped_profile_has_golden_frames() -> None:
    assert {frame.means["profile"] for frame in golden.load("frame_profile")} == set(SHIPPED)


@pytest.mark.parametrize("frame", HEARD, ids=str)
def test_golden_frames_mean_what_they_say_however_they_are_split(frame: golden.Frame) -> None:
    one = SHIPPED[frame.means["profile"]]
    for pieces in golden.splits(frame.raw):
        decoder = Decoder(one)
        found = [interpret(one, raw) for piece in pieces for raw in decoder.feed(piece)]
        assert [heard and (heard.rule.name, heard.event) for heard in found] == [
            (frame.means["rule"], expected(frame.means))
        ]
        assert found[0] is not None
        assert found[0].values.get("address", 0) == frame.means.get("address", 0)
        assert (decoder.garbage, decoder.bad_frames, len(decoder.rest)) == (0, 0, 0)


@pytest.mark.parametrize("frame", HEARD, ids=str)
def test_noise_around_a_frame_does_not_hide_it(frame: golden.Frame) -> None:
    one = SHIPPED[frame.means["profile"]]
    for data in golden.noisy(frame.raw, NOISE):
        decoder = Decoder(one)
        found = [interpret(one, raw) for raw in decoder.feed(data) + decoder.flush()]
        assert (frame.means["rule"], expected(frame.means)) in [
            (heard.rule.name, heard.event) for heard in found if heard is not None
        ]


@pytest.mark.parametrize("name", ["call key, box 3", "transfer to 12, box 3", "grade 3, evaluator 3"])
def test_a_changed_byte_costs_that_frame_only(name: str) -> None:
    bus, call = FF68, BUS["call key, box 3"].raw
    for at in set(range(len(BUS[name].raw))) - {3, 4}:  # the second L and 68: the language does not compare bytes
        wrong = bytearray(BUS[name].raw)
        wrong[at] ^= 0x01
        decoder = Decoder(bus)
        assert BUS[name].raw not in decoder.feed(bytes(wrong))
        assert (decoder.feed(call + call) + decoder.flush())[-1:] == [call]
        assert decoder.garbage > 0


def test_a_wrong_checksum_is_counted_and_nothing_is_heard() -> None:
    decoder = Decoder(FF68)
    assert decoder.feed(bytes.fromhex("FF 68 03 03 68 03 00 0C 10 16")) == []
    assert decoder.bad_frames == 1


@pytest.mark.parametrize("name", ["call key, box 3", "transfer to 12, box 3", "grade 3, evaluator 3"])
def test_the_language_can_say_the_call_bus(name: str) -> None:
    bus = FF68
    heard = interpret(bus, Decoder(bus).feed(BUS[name].raw)[0])
    want = {"call": KeyPressed(3, "call"), "tran": KeyPressed(3, "transfer", (1, 2)), "grad": Graded(3, 3)}
    assert heard is not None
    assert heard.event == want[name[:4]]


ASCII = """
name = "x"
evidence = "sample"
source = "made up"
"""
ESCAPED = profile(f"""{ASCII}
[framing]
kind = "delimited"
head = "7E"
tail = "7F"
[checksum]
kind = "crc16-modbus"
from = 1
to = -3
[escape]
7D = "7D 01"
7E = "7D 02"
7F = "7D 03"
[transmit.invite]
frame = "7E {{address:u8}} 7D {{checksum}} 7F"
[[receive]]
name = "k"
match = "7E {{address:u8}} {{key:u8}} ?? ?? 7F"
event = "key"
acknowledge = "echo"
""")


@given(address=st.integers(0, 255), key=st.integers(0, 255), junk=st.binary(max_size=9))
def test_escapes_are_undone_and_lengths_never_matter(address: int, key: int, junk: bytes) -> None:
    one = ESCAPED
    frame = render(one, template("7E {address:u8} {key:u8} {checksum} 7F"), {"address": address, "key": key})
    assert not {0x7E, 0x7F} & set(frame[1:-1])
    decoder = Decoder(one)
    found = [interpret(one, raw) for raw in decoder.feed(junk.replace(b"\x7e", b"") + frame)]
    assert [heard.event for heard in found if heard] == [KeyPressed(address, f"key_{key:02X}")]


def test_crc16_modbus_is_the_published_one() -> None:
    text = (
        ASCII + "[checksum]\nkind='crc16-modbus'\nfrom=0\nto=-2\n[transmit.beep]\nframe='01 03 00 00 00 0A {checksum}'"
    )
    one = profile(text)  # the example request of the Modbus specification's readers: C5 CD
    assert render(one, one.verbs["beep"].frame[0], {}) == bytes.fromhex("01 03 00 00 00 0A C5 CD")


@pytest.mark.parametrize(
    ("kind", "check"),
    [("sum8", "DD"), ("xor8", "31"), ("lrc", "23"), ("crc16-arc", "3D BB"), ("crc16-modbus", "37 4B")],
)
def test_checksums_of_123456789(kind: str, check: str) -> None:
    at = -1 - check.count(" ")
    text = (
        f"{ASCII}[checksum]\nkind='{kind}'\nfrom=0\nto={at}\n[transmit.beep]\nframe='{b'123456789'.hex()} {{checksum}}'"
    )
    one = profile(text)
    assert render(one, one.verbs["beep"].frame[0], {})[at:] == bytes.fromhex(check)


def test_silence_ends_a_frame_where_nothing_else_does() -> None:
    text = f"{ASCII}[framing]\nkind='gap'\ngap_ms=20\n[[receive]]\nname='k'\nmatch='AA {{key:u8}}'\nevent='key'"
    decoder = Decoder(profile(text))
    assert decoder.feed(b"\xaa") + decoder.feed(b"\x01") == []
    assert decoder.flush() == [b"\xaa\x01"]
    assert decoder.flush() == []


def test_silence_frees_what_a_false_start_holds() -> None:
    decoder = Decoder(FF68)
    call = BUS["call key, box 3"].raw
    assert decoder.feed(b"\xff\x68\x08" + call) == []
    assert decoder.flush() == [call]
    assert (decoder.garbage, decoder.bad_frames, len(decoder.rest)) == (3, 1, 0)


def test_conditions() -> None:
    rule = "[[receive]]\nname='{}'\nmatch='{}'\nevent='condition'\ncondition='paper_low'\nactive={}\n"
    one = profile(ASCII + rule.format("on", "31", "true") + rule.format("off", "30", "false"))
    found = [interpret(one, raw) for raw in Decoder(one).feed(b"10")]
    assert [heard and heard.event for heard in found] == [Condition("paper_low", True), Condition("paper_low", False)]


@given(st.data(), st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in HEARD)]) | st.binary(max_size=60)))
def test_any_bytes_are_survived_in_bounded_room_and_any_split_gives_the_same(
    data: st.DataObject, parts: list[bytes]
) -> None:
    one, stream = data.draw(st.sampled_from([*SHIPPED.values(), ESCAPED, FF68])), b"".join(parts)
    whole, cut = Decoder(one), Decoder(one)
    found, rest = [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
        assert len(cut.rest) <= 256
    assert found == whole.feed(stream)
    assert (cut.garbage, cut.bad_frames) == (whole.garbage, whole.bad_frames)
    for frame in found:
        interpret(one, frame)
    assert explain(one, stream)


# ---- text and numbers


def test_text_is_gbk_and_what_is_lacking_is_counted() -> None:
    assert characters("号A\n𠮷", "gbk", b"\x00") == ([b"\xba\xc5\x00", b"A\x00", b" \x00", b"\xa1\xfe\x00"], 1)
    assert characters("镕", "gbk") == (["镕".encode("gbk")], 0)
    assert characters("镕", "gb2312") == ([b"\xa1\xfe"], 1)


@given(st.text(max_size=60), st.integers(2, 20))
def test_no_character_is_cut_in_two(text: str, longest: int) -> None:
    codes, _ = characters(text, "gb2312")
    pieces = pack(codes, longest)
    assert [code for piece in pieces for code in piece] == codes
    assert all(len(b"".join(piece)) <= longest for piece in pieces)
    b"".join(codes).decode("gb2312")


@pytest.mark.parametrize(
    ("kind", "value", "digits", "raw"),
    [
        ("u8", 7, 1, "07"),
        ("u16be", 999, 3, "03 E7"),
        ("u16le", 999, 3, "E7 03"),
        ("bcd", 1205, 4, "12 05"),
        ("bcd", 205, 3, "02 05"),
        ("base100", 1205, 4, "0C 05"),
        ("digits", 12, 3, "00 01 02"),
    ],
)
def test_numbers(kind: str, value: int, digits: int, raw: str) -> None:
    assert encode_number(kind, value, digits) == bytes.fromhex(raw)


# ---- what is said of bytes


def test_explain_says_frames_rules_and_where_it_stopped() -> None:
    said = explain(SHIPPED["a0_90"], bytes.fromhex("00 01 A0 90 A0 90 01 A5 AA A0 90 02"))
    assert said.splitlines() == [
        "A0 90 窗口条屏 (one-source): 12 bytes",
        "byte 0: no frame: 00 01 A0 90",
        "byte 4: frame A0 90 01 A5 AA",
        "    rule done: ack; captured address=1",
        "byte 9: unfinished A0 90 02: waits for the tail A5 AA",
    ]


def test_explain_says_the_checksum_it_expected() -> None:
    said = explain(FF68, bytes.fromhex("FF 68 03 03 68 03 00 0C 10 16"))
    assert "sum8 is 10, expected 0F" in said


def test_explain_says_that_no_rule_matches() -> None:
    assert "no rule matches (press)" in explain(SHIPPED["pj06"], b"\x07")


# ---- profiles that are refused

GOOD = """name = "x"
evidence = "sample"
source = "made up"
[framing]
kind = "fixed"
size = 3
[checksum]
kind = "xor8"
from = 0
to = -1
[transmit.show]
frame = "A0 {address:u8} {text:gbk} {checksum}"
max_bytes = 20
[[receive]]
name = "press"
match = "A0 {key:u8} ??"
event = "key"
values = { 01 = "call" }
"""


def test_the_good_profile_is_good() -> None:
    assert list(profile(GOOD).verbs) == ["show"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_bytes", "max_byte", "p.toml:13: transmit.show.max_byte: unknown key; known are frame, answer"),
        ("max_bytes = 20", "", "p.toml:11: transmit.show.max_bytes: is missing"),
        ("[transmit.show]", "[transmit.dance]", "p.toml:11: transmit.dance: unknown key; known are show, show_number"),
        ('kind = "fixed"', 'kind = "magic"', "p.toml:4: framing: "),
        ("size = 3", "size = 3\nhaed = '01'", "p.toml:7: framing.haed: unknown key; known are kind, size, head, tail"),
        ('"A0 {address:u8}', '"AG {address:u8}', "p.toml:12: transmit.show.frame: 'AG' is neither hex"),
        ("{address:u8}", "{adress:u8}", "{adress:u8} is no field; known are address"),
        ("{address:u8}", "{address:u7}", "{address:u7}: write {address:u8}, {address:u16be}"),
        ("{text:gbk} ", "", "p.toml:12: transmit.show.frame: has no {text:…}"),
        ("{address:u8}", "{seconds:u8}", "show knows no seconds"),
        (" {checksum}", "", "needs one {checksum}"),
        ("to = -1", "to = -2", "{checksum} stands at byte 2 of 3, but [checksum] to = -2 is byte 1"),
        ("from = 0", "from = 9", "[checksum] from = 9 to = -1 covers nothing of 3 bytes"),
        ('kind = "xor8"', 'kind = "xor9"', "p.toml:8: checksum.kind: Input should be 'sum8', 'xor8'"),
        ('evidence = "sample"', 'evidence = "sure"', "p.toml:2: evidence: "),
        ('source = "made up"', "", "source: is missing"),
        ("{key:u8} ??", "{key:u4} ??", "p.toml:16: receive.1.match: ends within a byte"),
        ("{key:u8} ??", "?? ??", "p.toml:16: receive.1.match: has no {key:u8}"),
        ("{key:u8} ??", "{key:u8}", "receive.1.match: fits no frame: they all have 3 bytes"),
        ("{key:u8} ??", "{key:u8} .. ..", "only one part may have any length"),
        ('"call"', '"cal"', "p.toml:18: receive.1.values: 'cal' is no key; known are call, recall"),
        ('event = "key"', 'event = "kee"', "p.toml:17: receive.1.event: "),
        ("max_bytes = 20", "max_bytes = 20\nanswer = 'press'", "there is no rule 'press' with event = 'ack'"),
        ('event = "key"', 'event = "key"\nacknowledge = "{grade:u8}"', "acknowledge: the match captures no grade"),
        ("[framing]", "[escape]\nA5 = 'A6 02'\n[framing]", "p.toml:5: escape.A5: A6 begins a code, so it needs one"),
        ("[framing]", "[framing", "line 4"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_place_and_the_reason(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(Misconfigured) as refused:
        profile(GOOD.replace(old, new, 1))
    assert said in str(refused.value)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as refused:
        profile(GOOD.replace("max_bytes", "max").replace("size = 3", "size = 'x'").replace("sample", "sure"))
    assert len(str(refused.value).splitlines()) == 4


def test_a_number_that_cannot_fit_is_refused() -> None:
    text = ASCII + "[transmit.show_number]\nframe='{address:u8} {number:u8}'\ndigits=3"
    with pytest.raises(Misconfigured, match="number 999 does not fit u8"):
        profile(text)


def test_a_file_that_is_not_there_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"none\.toml"):
        load_profile(tmp_path / "none.toml")
