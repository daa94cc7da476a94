"""`hall-edge check`: whatever is wrong with a hall file is named by the line where a person puts it right."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.__main__ import main
from tests.hall import DEMO

GOOD = DEMO.read_text("utf-8")
WRONG = [
    # (what a person meant to write, what they wrote, what the message must say, where the line is if not there)
    ('name = "引导区"', 'nmae = "引导区"', "unknown key", ""),
    ("demo = true", "demo = true\ncolour = 3", "unknown key", "colour"),
    ("[central]", "[centre]", "unknown key", "[centre]"),
    ("mean_minutes = 12", "mean_minutes = 0", "mean_minutes", ""),
    ("mean_minutes = 12", 'mean_minutes = "long"', "mean_minutes", ""),
    ('prefix = "F"', 'prefix = "f"', "prefix", ""),
    ('prefix = "F"', "", "prefix", '[[service]]\nid = "household"'),
    ('timezone = "Asia/Shanghai"', 'timezone = "Asia/Beijing"', "no such time zone", ""),
    ('call = "请{number}号到', 'call = "请{visitor}到', "number", ""),
    ("no = 2", "no = 1", "twice", ""),
    ("no = 2", "no = 0", "no", ""),
    ('id = "led-2"', 'id = "led-1"', "twice", ""),
    ('id = "medical"', 'id = "pension"', "twice", ""),
    ('id = "f1"', 'id = "guide"', "twice", ""),
    ('skills = ["transfer", "mortgage"]', 'skills = ["transfer", "divorce"]', "divorce", ""),
    ('skills = ["transfer", "mortgage"]', "skills = []", "skills", ""),
    ('id = "household"\nunit = "ga"', 'id = "household"\nunit = "xx"', "'xx'", 'unit = "xx"'),
    ('zone = "guide"', 'zone = "attic"', "'attic'", ""),
    ('printer = "printer-1"', 'printer = "printer-9"', "'printer-9'", ""),
    ('printer = "printer-1"', 'printer = "led-1"', "led-1 cannot be the printer", ""),
    ('sign = { device = "led-2"', 'sign = { device = "led-9"', "'led-9'", ""),
    ('sign = { device = "led-2"', 'sign = { device = "printer-1"', "printer-1 cannot be the sign", ""),
    ('sign = { device = "led-2", address = 1', 'sign = { device = "led-2", adress = 1', "unknown key", ""),
    ('sign = { device = "led-2"', 'sign = { device = "led-1"', "already belongs to window 1", ""),
    ('evaluator = { device = "counter", address = 3', 'evaluator = { device = "led-2", address = 3', "evaluator", ""),
    ('driver = "call_bus"', 'driver = "cal_bus"', "cal_bus", ""),
    ('driver = "call_bus"', 'driver = "link"', "link", ""),
    ("options = { paper_mm = 80 }", "options = { papper_mm = 80 }", "papper_mm", ""),
    ("options = { paper_mm = 80 }", 'options = { paper_mm = "wide" }', "paper_mm", ""),
    ("[access]", "[access", "no TOML", ""),
    (
        'sign = { device = "led-2", address = 1 }',
        'sign = { device = "led-2", address = 9 }',
        "options.screens [1]",
        'sign = { device = "led-2", address = 9',
    ),
    (
        'voice = { device = "voice-1" }',
        'voice = { device = "led-1", address = 1 }',
        "options.voice = true",
        "voice = {",
    ),
]


def check(folder: Path, text: str) -> Result:
    file = folder / "hall.toml"
    file.write_text(text, "utf-8")
    return CliRunner().invoke(main, ["check", str(file)])


def test_the_demo_is_good() -> None:
    result = CliRunner().invoke(main, ["check", str(DEMO)])
    assert (result.exit_code, "3 units, 6 services, 3 windows" in result.output) == (0, True)


@pytest.mark.parametrize(("meant", "written", "says", "place"), WRONG)
def test_a_slip_of_the_pen_is_named_by_its_line(
    tmp_path: Path, meant: str, written: str, says: str, place: str
) -> None:
    assert meant in GOOD
    text = GOOD.replace(meant, written, 1)
    at = (text[: text.index(place)] if place else GOOD[: GOOD.index(meant)]).count("\n") + 1
    result = check(tmp_path, text)
    assert result.exit_code == 2, result.output
    assert any(f"hall.toml: line {at}: " in line and says in line for line in result.output.splitlines()), result.output


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('zone = "guide"', 'zone = "attic"').replace('printer = "printer-1"', 'printer = "gone"')
    result = check(tmp_path, text)
    assert ("attic" in result.output, "gone" in result.output) == (True, True)


def test_a_service_that_no_window_serves_is_named(tmp_path: Path) -> None:
    result = check(tmp_path, GOOD.replace(', "household"', ""))
    assert "nobody could ever be served" in result.output
    assert result.exit_code == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name, content in (("folder", None), ("bytes", b"\xff\xfe\x00"), ("missing", b"")):
        path = tmp_path / name
        if content is None:
            path.mkdir()
        elif content:
            path.write_bytes(content)
        result = CliRunner().invoke(main, ["check", str(path)])
        assert (result.exit_code, name in result.output) == (2, True)


@pytest.mark.req("EVAL-01")
@pytest.mark.parametrize("levels", ["[1, 2, 3, 4, 6]", "[0, 2, 3, 4, 5]", "[1, 2, 3, 4, 5, 5]", '["bad", 2, 3, 4, 5]'])
def test_a_keypad_can_mean_the_five_levels_only(tmp_path: Path, levels: str) -> None:
    meant = 'evaluator = { device = "counter", address = 3'
    result = check(tmp_path, GOOD.replace(meant, f"{meant}, levels = {levels}"))
    assert (result.exit_code, "levels" in result.output) == (2, True), result.output


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/events", "http://", "http://[", "http://host:port/"])
def test_a_centre_that_cannot_be_reached_by_http_is_named(tmp_path: Path, url: str) -> None:
    text = GOOD.replace('url = "http://127.0.0.1:{port+2}/events"', f'url = "{url}"')
    at = text[: text.index(f'url = "{url}"')].count("\n") + 1
    result = check(tmp_path, text)
    assert (result.exit_code, f"line {at}: " in result.output) == (2, True), result.output


@settings(max_examples=150, deadline=None)
@given(line=st.integers(0, GOOD.count("\n")), edit=st.sampled_from(["drop", "double", "cut", "quote", "bracket"]))
def test_whatever_line_is_spoilt_the_answer_is_a_list_of_problems(
    tmp_path_factory: pytest.TempPathFactory, line: int, edit: str
) -> None:
    lines = GOOD.splitlines()
    line = min(line, len(lines) - 1)
    before = lines[line]
    lines[line : line + 1] = {
        "drop": [],
        "double": [before, before],
        "cut": [before[: len(before) // 2]],
        "quote": [before + '"'],
        "bracket": ["[" + before],
    }[edit]
    file = tmp_path_factory.mktemp("spoilt", numbered=True) / "hall.toml"
    file.write_text("\n".join(lines), "utf-8")
    result = CliRunner().invoke(main, ["check", str(file)])
    assert (result.exit_code, "good" in result.output) in ((0, True), (2, False)), result.exception
