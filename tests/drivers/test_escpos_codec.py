"""ESC/POS codec: golden frames, and properties of the decoder and the encoder. The device is in test_escpos.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Qr, Rejected, Rule, Slip, Text
from drivers.escpos import MAX_BLOCK, Decoder, Message, ask, conditions, encode, missing
from drivers.text import printable, wrap
from tests.frames_toml import Frame, load, noisy, splits

IN, OUT = load("escpos", "in"), load("escpos", "out")
NOISE = (b"\xff", b"\x80\x90\xd5\xe3", b"\x11\x13")
SLIP = Slip(
    (
        Text("办理 A042", size=2, align="center", bold=True),
        Rule(),
        Text("前面还有 3 人"),
        Qr("A042"),
    )
)
JOB_END = bytes.fromhex("1B 64 03 1D 56 42 00 1D 72 01")

# ---- golden frames


def decode(chunks: tuple[bytes, ...]) -> list[Message]:
    decoder = Decoder()
    return [message for chunk in chunks for message in decoder.feed(chunk)]


def kinds(messages: list[Message]) -> list[str]:
    return [message.kind for message in messages]


@pytest.mark.parametrize("frame", IN, ids=str)
def test_what_the_printer_says_is_understood(frame: Frame) -> None:
    messages = decode((frame.raw,))
    assert kinds(messages) == frame.means["messages"]
    assert b"".join(message.raw for message in messages) == frame.raw
    asked = frame.means.get("asked", [0] * len(messages))
    found = frozenset().union(*(conditions(message, n) for message, n in zip(messages, asked, strict=True)))
    assert sorted(found) == frame.means.get("conditions", [])


@pytest.mark.parametrize("frame", IN, ids=str)
def test_splits_and_noise_change_nothing(frame: Frame) -> None:
    whole = decode((frame.raw,))
    for stream in (frame.raw, *noisy(frame.raw, NOISE)):
        for chunks in splits(stream):
            assert [m for m in decode(chunks) if m.kind != "flow"] == [m for m in whole if m.kind != "flow"]


@pytest.mark.parametrize("frame", [frame for frame in IN if "flow" not in frame.means["messages"]], ids=str)
def test_flow_control_inside_a_message_does_not_break_it(frame: Frame) -> None:
    for at in range(len(frame.raw) + 1):
        messages = decode((frame.raw[:at] + b"\x13\x11" + frame.raw[at:],))
        assert [m for m in messages if m.kind != "flow"] == decode((frame.raw,))


@pytest.mark.parametrize("frame", OUT, ids=str)
def test_we_send_what_others_send(frame: Frame) -> None:
    job = encode(SLIP, 48)
    if frame.means["message"] == "ask":
        assert ask(frame.means["n"]) == frame.raw
    elif frame.means["message"] == "job_end":
        assert job.endswith(frame.raw[:-1] + b"\x01")  # 01 and 31 are the same n
    else:
        assert frame.raw in job


def test_the_frames_are_enough_to_mean_something() -> None:
    assert len([frame for frame in IN if frame.kind in ("manual", "stranger")]) >= 8
    assert {frame.kind for frame in OUT} == {"stranger"}


# ---- decoder


@given(st.lists(st.binary(max_size=64), max_size=12))
def test_any_bytes_are_decoded_alike_however_they_are_cut(chunks: list[bytes]) -> None:
    whole, cut = Decoder(), Decoder()
    messages = []
    for chunk in chunks:
        messages += cut.feed(chunk)
        assert len(cut.part) <= MAX_BLOCK
    assert messages == whole.feed(b"".join(chunks))
    assert whole.counters == cut.counters


def test_a_block_without_an_end_is_bounded() -> None:
    decoder = Decoder()
    for _ in range(1000):
        assert decoder.feed(b"\x5fAAAA") == [] or decoder.part == b""
        assert len(decoder.part) <= MAX_BLOCK
    assert decoder.counters.bad_frames > 0


@given(st.integers(0, 2))
def test_the_rest_of_a_broken_asb_is_never_taken_for_a_barrier_reply(seen: int) -> None:
    decoder = Decoder()
    assert kinds(decoder.feed(b"\x10" + bytes(seen) + b"\x12")) == ["real_time"]
    assert decoder.counters.bad_frames == 1
    assert kinds(decoder.feed(b"\x10\x00\x00\x00")) == ["asb"]


# ---- encoder

LENGTHS = {
    b"\x1b\x40": 0,
    b"\x1c\x26": 0,
    b"\x1b\x61": 1,
    b"\x1d\x21": 1,
    b"\x1b\x45": 1,
    b"\x1b\x64": 1,
    b"\x1d\x56": 2,
    b"\x1d\x72": 1,
}


def commands(job: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(command, its data) by the manual's length rules; a text line is (b"", the line). Any other byte is an error."""
    at = 0
    while at < len(job):
        name = job[at : at + 2]
        if name in LENGTHS:
            end = at + 2 + LENGTHS[name]
            yield name, job[at + 2 : end]
        elif job[at : at + 3] == b"\x1d\x28\x6b":
            end = at + 5 + int.from_bytes(job[at + 3 : at + 5], "little")
            yield b"\x1d\x28", job[at + 5 : end]
        else:
            end = job.index(b"\n", at) + 1
            assert all(byte >= 0x20 and byte != 0x7F for byte in job[at : end - 1]), job[at:end]
            yield b"", job[at : end - 1]
        at = end


def columns_of(line: bytes) -> int:
    """Lead bytes 81 to FE take the next byte with them and two columns."""
    at = used = 0
    while at < len(line):
        step = 2 if line[at] >= 0x81 else 1
        assert at + step <= len(line), "a lone lead byte"
        at, used = at + step, used + step
    return used


LETTERS = st.characters(codec=None) | st.sampled_from("\x1b\x10\x04\x1d\n\r\t\x7f¥•（，。 A9䶮𠮷é")
TEXTS = st.builds(
    Text,
    st.text(LETTERS, max_size=200),
    st.integers(1, 4),
    st.sampled_from(("left", "center", "right")),
    st.booleans(),
)
QRS = st.builds(Qr, st.text(LETTERS, min_size=1, max_size=60).filter(str.isprintable), st.integers(1, 16))
SLIPS = st.lists(TEXTS | QRS | st.just(Rule()), max_size=5).map(lambda parts: Slip(tuple(parts)))


@given(SLIPS, st.sampled_from((32, 48)))
def test_no_text_can_leave_its_line_or_carry_a_command(slip: Slip, columns: int) -> None:
    job = encode(slip, columns)
    seen = list(commands(job))
    size = 1
    for name, data in seen:
        if name == b"\x1d\x21":
            size = (data[0] >> 4) + 1
            assert data[0] & 7 == size - 1
        if name == b"":
            assert columns_of(data) * size <= columns
    names = [name for name, _ in seen]
    assert names[:2] == [b"\x1b\x40", b"\x1c\x26"]
    assert [names.count(name) for name in (b"\x1b\x40", b"\x1c\x26", b"\x1d\x56", b"\x1d\x72")] == [1, 1, 1, 1]
    assert job.endswith(JOB_END)
    assert not any(real_time in job for real_time in (b"\x10\x04", b"\x10\x05", b"\x10\x14"))


@given(st.text(st.sampled_from("abc 你好，。（）A0"), max_size=120), st.integers(8, 48))
def test_wrapping_loses_only_spaces(line: str, columns: int) -> None:
    rows = wrap(line, columns)
    assert "".join(rows).replace(" ", "") == line.replace(" ", "")
    assert all(len(row.encode("gbk")) <= columns for row in rows)


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("请到3号窗口办理A042", ["请到3号", "窗口办理", "A042"]),
        ("办理业务。谢谢", ["办理业", "务。谢谢"]),
        ("办理业（续）", ["办理业", "（续）"]),
        ("0123456789", ["01234567", "89"]),
        ("hall  no 1", ["hall  no", "1"]),
        ("", [""]),
    ],
)
def test_wrapping_reads_well(line: str, rows: list[str]) -> None:
    assert wrap(line, 8) == rows


@pytest.mark.parametrize(
    ("text", "shown", "lacking"),
    [
        ("¥5 • 20℃", ["￥5 · 20℃"], 0),
        ("王䶮 𠮷野", ["王〓 〓野"], 2),
        ("A\x1b@\x10\x04\x01B\u202eC", ["A@BC"], 0),
        ("第一行\r\n第二行\n", ["第一行", "第二行"], 0),
        ("⼀\ufe0fm²", ["一m2"], 0),
        ("\ud800", ["〓"], 1),
        ("", [""], 0),
    ],
)
def test_text_becomes_what_a_gbk_font_has(text: str, shown: list[str], lacking: int) -> None:
    assert printable(text) == (shown, lacking)
    assert missing(Slip((Text(text), Rule()))) == lacking


@pytest.mark.parametrize(
    ("size", "columns", "widths"), [(1, 32, [16, 9]), (2, 48, [12, 12, 1]), (4, 48, [6, 6, 6, 6, 1])]
)
def test_large_text_has_fewer_characters_a_line(size: int, columns: int, widths: list[int]) -> None:
    sent = [data for name, data in commands(encode(Slip((Text("满" * 25, size=size),)), columns)) if name == b""]
    assert sent == [b"\xc2\xfa" * width for width in widths]


@pytest.mark.parametrize(("columns", "dashes"), [(32, 32), (48, 48)])
def test_a_rule_is_as_wide_as_the_paper(columns: int, dashes: int) -> None:
    assert (b"", b"-" * dashes) in commands(encode(Slip((Rule(),)), columns))


@given(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=666), st.integers(1, 16))
def test_a_qr_code_fits_the_paper_and_is_no_smaller_than_need_be(data: str, module: int) -> None:
    # another encoder says how many modules the symbol has
    modules = segno.make_qr(data, error="m", mode="byte", boost_error=False).symbol_size(border=4)[0]
    sent = [body for name, body in commands(encode(Slip((Qr(data, module),)), 32)) if name == b"\x1d\x28"]
    dots = next(body[2] for body in sent if body[:2] == b"\x31\x43")
    assert dots * modules <= 384
    assert dots == module or (dots + 1) * modules > 384
    assert b"\x31\x50\x30" + data.encode() in sent


@pytest.mark.parametrize(
    "part",
    [Qr(""), Qr("x" * 667), Qr("a\x10\x04\x01"), Qr("\ud800"), Qr("a", 17), Qr("a", 0), Text("a", 0), Text("a", 5)],
)
def test_what_cannot_be_printed_is_refused(part: Text | Qr) -> None:
    with pytest.raises(Rejected, match="bad_slip"):
        encode(Slip((part,)), 48)


def test_a_job_has_a_largest_size() -> None:
    with pytest.raises(Rejected, match="bad_slip"):
        encode(Slip((Text("满" * 9000),)), 48)
