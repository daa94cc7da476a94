"""ESC/POS codec: golden frames, and properties of the decoder and the encoder. The device is in test_escpos.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from drivers import escpos_job, raster
from drivers.base import Misconfigured, Qr, Rejected, Rule, Slip, Text
from drivers.escpos import MAX_BLOCK, Decoder, Message, ask, conditions
from drivers.escpos_job import PROFILES, RASTER_ROWS, encode, graphics, load_profile
from drivers.text import lines, outside, wrap
from tests.frames_toml import Frame, load, noisy, splits

G80, G58 = load_profile("generic80", {}), load_profile("generic80", {"paper_mm": 58})
FONTS = raster.fonts()
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
    job = encode(SLIP, G80).data
    if frame.means["message"] == "ask":
        assert ask(frame.means["n"]) == frame.raw
    elif frame.means["message"] == "profile":
        special = encode(SLIP, load_profile("generic80", frame.means["options"]), process_id=b"0001").data
        assert frame.raw in special
        assert frame.raw not in job
    elif frame.means["message"] == "raster":
        rows = [int(row, 2).to_bytes(len(row) // 8, "big") for row in frame.means["rows"]]
        assert graphics(rows) == frame.raw
    elif frame.means["message"] == "job_end":
        assert job.endswith(frame.raw[:-1] + b"\x01")  # 01 and 31 are the same n
    else:
        assert frame.raw in job


def test_the_frames_are_enough_to_mean_something() -> None:
    assert len([frame for frame in IN if frame.kind in ("manual", "stranger")]) >= 8
    assert {frame.kind for frame in OUT} == {"stranger", "manual"}


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
    b"\x1c\x21": 1,
}


def commands(job: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(command, its data) by the manual's length rules; a text line is (b"", the line). Any other byte is an error."""
    at = 0
    while at < len(job):
        name = job[at : at + 2]
        if name in LENGTHS:
            end = at + 2 + LENGTHS[name]
            yield name, job[at + 2 : end]
        elif job[at : at + 4] == b"\x1d\x76\x30\x00":
            end = (
                at + 8 + int.from_bytes(job[at + 4 : at + 6], "little") * int.from_bytes(job[at + 6 : at + 8], "little")
            )
            yield name, job[at + 4 : end]
        elif job[at : at + 3] in (b"\x1d\x28\x6b", b"\x1d\x28\x48"):
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


Fonts = tuple[Path, ...]
LETTERS = st.characters(codec=None) | st.sampled_from("\x1b\x10\x04\x1d\n\r\t\x7f¥•（，。 A9䶮𠮷é")
TEXTS = st.builds(
    Text,
    st.text(LETTERS, max_size=30),
    st.integers(1, 4),
    st.sampled_from(("left", "center", "right")),
    st.booleans(),
)
QRS = st.builds(Qr, st.text(LETTERS, min_size=1, max_size=60).filter(str.isprintable), st.integers(1, 16))
SLIPS = st.lists(TEXTS | QRS | st.just(Rule()), max_size=5).map(lambda parts: Slip(tuple(parts)))


@given(SLIPS, st.sampled_from((G58, G80)), st.sampled_from(((), FONTS)))
def test_no_text_can_leave_its_line_or_carry_a_command(slip: Slip, profile: escpos_job.Profile, fonts: Fonts) -> None:
    job = encode(slip, profile, fonts).data
    seen = list(commands(job))
    size = 1
    for name, data in seen:
        if name == b"\x1d\x21":
            size = (data[0] >> 4) + 1
            assert data[0] & 7 == size - 1
        if name == b"":
            assert columns_of(data) * size <= profile.columns
        if name == b"\x1d\x76":
            assert 0 < data[0] * 8 <= profile.dots
            assert 0 < int.from_bytes(data[2:4], "little") <= RASTER_ROWS
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
        ("¥5 • 20℃", ["￥5 · 20℃"], ""),
        ("王䶮 𠮷野", ["王䶮 𠮷野"], "䶮𠮷"),
        ("A\x1b@\x10\x04\x01B\u202eC", ["A@BC"], ""),
        ("第一行\r\n第二行\n", ["第一行", "第二行"], ""),
        ("⼀\ufe0fm²", ["一m2"], ""),
        ("\ud800", ["〓"], ""),
        ("", [""], ""),
    ],
)
def test_text_becomes_what_a_gbk_font_has(text: str, shown: list[str], lacking: str) -> None:
    assert lines(text) == shown
    assert "".join(outside(line) for line in shown) == lacking


@pytest.mark.parametrize(
    ("size", "columns", "widths"), [(1, 32, [16, 9]), (2, 48, [12, 12, 1]), (4, 48, [6, 6, 6, 6, 1])]
)
def test_large_text_has_fewer_characters_a_line(size: int, columns: int, widths: list[int]) -> None:
    job = encode(Slip((Text("满" * 25, size=size),)), G58 if columns == 32 else G80)
    sent = [data for name, data in commands(job.data) if name == b""]
    assert sent == [b"\xc2\xfa" * width for width in widths]


@pytest.mark.parametrize(("paper", "dashes"), [(58, 32), (80, 48)])
def test_a_rule_is_as_wide_as_the_paper(paper: int, dashes: int) -> None:
    profile = load_profile("generic80", {"paper_mm": paper})
    assert (b"", b"-" * dashes) in commands(encode(Slip((Rule(),)), profile).data)


@given(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=666), st.integers(1, 16))
def test_a_qr_code_fits_the_paper_and_is_no_smaller_than_need_be(data: str, module: int) -> None:
    # another encoder says how many modules the symbol has
    modules = segno.make_qr(data, error="m", mode="byte", boost_error=False).symbol_size(border=4)[0]
    sent = [body for name, body in commands(encode(Slip((Qr(data, module),)), G58).data) if name == b"\x1d\x28"]
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
        encode(Slip((part,)), G80)


def test_a_job_has_a_largest_size() -> None:
    with pytest.raises(Rejected, match="bad_slip"):
        encode(Slip((Text("满" * 33000),)), G80)


# ---- lines drawn here


def pictures(slip: Slip, profile: escpos_job.Profile = G80, fonts: Fonts = FONTS) -> list[list[str]]:
    """The images of a job, as rows of `#` and spaces; those of one line of text each."""
    found = []
    for name, body in commands(encode(slip, profile, fonts).data):
        if name == b"\x1d\x76":
            width, rows = body[0], body[4:]
            bits = ["".join(f"{byte:08b}" for byte in rows[at : at + width]) for at in range(0, len(rows), width)]
            found.append([row.replace("0", " ").replace("1", "#") for row in bits])
    return found


def ink(picture: list[str]) -> tuple[int, int]:
    """(leftmost, rightmost) dot."""
    return min(row.index("#") for row in picture if "#" in row), max(row.rfind("#") for row in picture)


def test_a_line_with_a_rare_name_is_drawn_and_the_rest_stays_text() -> None:
    slip = Slip((Text("请到3号窗口"), Text("王䶮"), Qr("A042")))
    seen = list(commands(encode(slip, G80, FONTS).data))
    assert [data for name, data in seen if name == b""] == ["请到3号窗口".encode("gbk")]
    assert [name for name, _ in seen].count(b"\x1d\x28") == 5  # Chinese, an image and a QR code on one ticket
    assert encode(slip, G80, FONTS).lacking == 0
    (picture,) = pictures(slip)
    assert len(picture) == 34
    assert len(picture[0]) == 48
    assert all(any("#" in row[at : at + 24] for row in picture) for at in (0, 24))


def test_two_characters_that_neither_font_has_alike_are_drawn_apart() -> None:
    assert pictures(Slip((Text("䶮"),))) != pictures(Slip((Text("𠮷"),)))


@pytest.mark.parametrize(
    ("size", "align", "rows", "left", "right"),
    [(1, "left", 34, 0, 48), (2, "left", 48, 0, 96), (2, "right", 48, 480, 576), (4, "center", 96, 192, 384)],
)
def test_a_drawn_line_stands_where_text_would(size: int, align: str, rows: int, left: int, right: int) -> None:
    (picture,) = pictures(Slip((Text("王䶮", size=size, align=align),)))  # type: ignore[arg-type]
    assert len(picture) == rows
    assert left <= ink(picture)[0] < left + 24 * size
    assert right - 24 * size <= ink(picture)[1] < right


def test_bold_has_more_ink() -> None:
    thin, bold = (pictures(Slip((Text("王䶮", bold=bold),)))[0] for bold in (False, True))
    assert sum(row.count("#") for row in bold) > 1.2 * sum(row.count("#") for row in thin)


def test_what_no_font_has_is_counted_and_shown_as_missing() -> None:
    job = encode(Slip((Text("王\U000f1234"), Text("王䶮\U000f1234"))), G80, FONTS)
    assert job.lacking == 2
    assert [data for name, data in commands(job.data) if name == b""] == ["王〓".encode("gbk")]
    assert pictures(Slip((Text("王䶮\U000f1234"),))) == pictures(Slip((Text("王䶮〓"),)))
    assert encode(Slip((Text("王䶮"),)), G80).lacking == 1  # no font on this machine


@given(
    st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=600), st.sampled_from([b"\x10\x04", b"\x10\x14"])
)
def test_images_come_in_blocks_and_carry_no_real_time_command(rows: list[bytes], command: bytes) -> None:
    rows[0] = b"\x10" + command
    blocks = [data for _, data in commands(graphics(rows))]
    heights = [int.from_bytes(data[2:4], "little") for data in blocks]
    assert sum(heights) == len(rows)
    assert max(heights) <= 256
    sent = b"".join(data[4:] for data in blocks)
    assert not any(real_time in data[4:] for data in blocks for real_time in (b"\x10\x04", b"\x10\x05", b"\x10\x14"))
    for ours, theirs in zip(b"".join(rows), sent, strict=True):
        assert theirs == ours or (ours, theirs) == (0x10, 0x18)  # one dot more, none less


def test_a_font_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"not a font")
    for name in ("font.ttf", "nowhere.ttf"):
        with pytest.raises(Misconfigured):
            raster.fonts(str(tmp_path / name))
    assert raster.fonts(str(FONTS[-1]))[0] == FONTS[-1]


# ---- profiles


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_can_be_used_and_says_what_it_rests_on(path: Path) -> None:
    profile = load_profile(path.stem, {})
    assert list(commands(encode(SLIP, profile).data))


def test_the_hall_file_overrides_the_profile() -> None:
    assert (G80.columns, G80.dots, G58.columns, G58.dots) == (48, 576, 32, 384)
    own = load_profile("generic58", {"cut": "1B 69", "columns": 30, "dots": 360, "hanzi": "on_by_default"})
    names = [name for name, _ in commands(encode(SLIP, own).data.replace(b"\x1b\x69", b""))]
    assert b"\x1b\x69\x1d\x72\x01" in encode(SLIP, own).data
    assert (b"", b"-" * 30) in commands(encode(SLIP, own).data.replace(b"\x1b\x69", b""))
    assert b"\x1c\x26" not in names


def test_a_printer_without_a_cutter_is_not_told_to_cut() -> None:
    assert b"\x1d\x56" not in encode(SLIP, load_profile("generic58", {})).data


def test_encodings() -> None:
    name = Slip((Text("王䶮A"),))
    assert "王䶮A".encode("gb18030") + b"\n" in encode(name, load_profile("generic80", {"encoding": "gb18030"})).data
    assert "王〓A".encode() + b"\n" in encode(name, load_profile("generic80", {"encoding": "utf8"})).data


def test_hanzi_enlarged_by_a_command_of_their_own() -> None:
    profile = load_profile("generic80", {"size": "FS !"})
    sizes = [data for name, data in commands(encode(SLIP, profile).data) if name == b"\x1c\x21"]
    assert sizes == [b"\x0c", b"\0", b"\0", b"\0"]
    big = Slip((Text("A042号", size=4),))
    assert len(pictures(big, profile)[0]) == 96  # FS ! knows no such size
    assert (b"", "A042号".encode("gbk")) in commands(encode(big, profile).data)  # at size 2, without a font


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("no-such-printer", {}),
        ("../demo", {}),
        ("generic80", {"paper_mm": 76}),
        ("generic80", {"columns": 49}),
        ("generic80", {"dots": 570}),
        ("generic80", {"cut": "sideways"}),
        ("generic80", {"cut": 1}),
        ("generic80", {"buzzer": "1B 4"}),
        ("generic80", {"hanzi": "off"}),
        ("generic80", {"encoding": "big5"}),
        ("generic80", {"size": "ESC !"}),
        ("generic80", {"status": "some"}),
        ("generic80", {"barrier": True}),
        ("generic80", {"trust_blind": 1}),
    ],
)
def test_a_wrong_profile_refuses_to_start(name: str, options: dict[str, object]) -> None:
    with pytest.raises(Misconfigured):
        load_profile(name, options)


@pytest.mark.parametrize(
    "text", ["paper_mm = 80", 'evidence = "seen"\npaper_mm = 80', 'evidence = "seen"\nwidth = 1', "="]
)
def test_a_profile_file_that_is_wrong(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escpos_job, "PROFILES", tmp_path)
    (tmp_path / "acme.toml").write_text(text)
    with pytest.raises(Misconfigured):
        load_profile("acme", {})
