"""Nothing is left lying about: no reminders, no paths of one machine, no registry's name. Page scripts are small."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.gates.tree import ROOT, tracked, where

REMINDER = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:home|root|work|Users)/\w")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.org|(?:deb|security)\.debian\.org")
FORBIDDEN = {"a reminder": REMINDER, "a machine's path": MACHINE_PATH, "a package registry": REGISTRY}
SCRIPTS_KB = 60


def faults(name: str, text: str) -> list[str]:
    lines = enumerate(text.splitlines(), 1)
    return [f"{name}:{n} has {what}" for n, line in lines for what, rule in FORBIDDEN.items() if rule.search(line)]


def texts(paths: Iterable[Path]) -> Iterable[tuple[str, str]]:
    """Name and text of the files that are text."""
    for path in paths:
        data = path.read_bytes()
        if b"\0" not in data:
            yield where(path), data.decode("utf-8")


def pip_options(pins: str) -> list[str]:
    """Lines of a list of pins that are no pin: an index, a folder of wheels, another list."""
    return [line for line in pins.splitlines() if line.startswith("-")]


def total_kb(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 1024


def test_nothing_is_left_lying_about() -> None:
    found = [fault for name, text in texts(tracked()) for fault in faults(name, text)]
    assert found == []


@pytest.mark.parametrize("name", ["run", "test"])
def test_pins_say_nothing_of_where_they_came_from(name: str) -> None:
    assert pip_options((ROOT / "requirements" / f"{name}.txt").read_text("utf-8")) == []


def test_page_scripts_are_small() -> None:
    scripts = [path for path in tracked() if path.suffix in (".js", ".mjs") and where(path).startswith("edge/")]
    assert total_kb(scripts) <= SCRIPTS_KB


# ---- the gate itself


@pytest.mark.parametrize(
    "line",
    [
        "# TO" + "DO: later",
        "x = 1  # FIX" + "ME",
        "X" * 3,
        "open('/ho" + "me/ann/x')",
        "see /wo" + "rk/main",
        "https://pypi." + "org/simple",
    ],
)
def test_a_leftover_is_found(line: str) -> None:
    assert len(faults("sample", line)) == 1


@pytest.mark.parametrize("line", ["TODOS", "ProtectHome=yes", "edge/home/page", "/api/work/7"])
def test_an_innocent_line_is_left_alone(line: str) -> None:
    assert faults("sample", line) == []


def test_an_option_among_the_pins_is_found() -> None:
    assert pip_options("--find-links wheels\na==1 \\\n    --hash=sha256:00\n") == ["--find-links wheels"]


def test_scripts_are_weighed(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"x" * 61 * 1024)
    assert total_kb(tmp_path.glob("*.js")) > SCRIPTS_KB
