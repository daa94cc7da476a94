"""Every device family holds golden frames with their sources, has a simulator, and says what it was proven on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import frames_toml
from tests.gates.tree import ROOT, driver_families

ENOUGH = 3
FAMILIES = driver_families()


def says(words: str, source: str) -> bool:
    """Whether the head of the file owns up to it."""
    head = ast.get_docstring(ast.parse(source)) or ""
    return words in " ".join(head.lower().split())


def faults(driver: Path, simulators: Path) -> list[str]:
    """What a family lacks. Raises `ValueError` or `OSError` for frames that are wrong or not there."""
    frames, source = frames_toml.load(driver.stem), driver.read_text("utf-8")
    found = []
    if len(frames) < ENOUGH:
        found.append(f"{len(frames)} golden frames, {ENOUGH} are needed")
    # Bytes that we worked out ourselves count for nothing; where nobody published any, the head must say so.
    if sum(frame.kind != "computed" for frame in frames) < ENOUGH and not says("only computed frames", source):
        found.append(f"fewer than {ENOUGH} frames come from others, and the head does not say `only computed frames`")
    if not (simulators / driver.name).is_file():
        found.append("no simulator of the same name")
    if not any(frame.kind == "capture" for frame in frames) and not says("not proven on hardware", source):
        found.append("no frame is a capture, and the head does not say `not proven on hardware`")
    return found


def test_there_are_families() -> None:
    assert FAMILIES


@pytest.mark.parametrize("driver", FAMILIES, ids=lambda path: path.stem)
def test_family_is_held_to_the_wire(driver: Path) -> None:
    assert faults(driver, ROOT / "simulators") == []


# ---- the gate itself

FRAME = '[[frame]]\nname="{}"\nkind="{}"\nsource="{}"\ndirection="{}"\nhex="{}"\n'
PING = ("third", "manual", "the manual, 2.3", "out", "A5 00")
HUMBLE = '"""Acme signs. Not proven\non hardware."""'


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A family with two golden frames; the tests add the third."""
    monkeypatch.setattr(frames_toml, "FOLDER", tmp_path)
    (tmp_path / "acme.toml").write_text("".join(FRAME.format(name, *PING[1:]) for name in ("first", "second")))
    (tmp_path / "simulators").mkdir()
    (tmp_path / "simulators" / "acme.py").touch()
    driver = tmp_path / "acme.py"
    driver.write_text(HUMBLE)
    return driver


def add(driver: Path, frame: tuple[str, ...]) -> None:
    with driver.with_suffix(".toml").open("a") as file:
        file.write(FRAME.format(*frame))


def test_three_frames_a_simulator_and_a_humble_head_are_enough(acme: Path) -> None:
    add(acme, PING)
    assert faults(acme, acme.parent / "simulators") == []


def test_a_capture_needs_no_humble_head(acme: Path) -> None:
    acme.write_text('"""Acme signs."""')
    add(acme, ("third", "capture", "a bus in a hall", "in", "A5 01"))
    assert faults(acme, acme.parent / "simulators") == []


def test_our_own_arithmetic_counts_only_where_the_head_owns_up(acme: Path) -> None:
    add(acme, ("third", "computed", "the rules, 1", "out", "A5 02"))
    assert len(faults(acme, acme.parent / "simulators")) == 1
    acme.write_text('"""Acme signs. Not proven on hardware; only computed frames."""')
    assert faults(acme, acme.parent / "simulators") == []


def test_what_a_family_lacks_is_found(acme: Path) -> None:
    acme.write_text('"""Acme signs."""\n# not proven on hardware\n')
    (acme.parent / "simulators" / "acme.py").unlink()
    assert len(faults(acme, acme.parent / "simulators")) == 4


@pytest.mark.parametrize(
    "frame",
    [
        ("third", "guess", "the manual", "out", "A5"),
        ("first", "manual", "the manual", "out", "A5"),
        ("", "manual", "the manual", "out", "A5"),
        ("third", "manual", "", "out", "A5"),
        ("third", "manual", "the manual", "both", "A5"),
        ("third", "manual", "the manual", "out", "A5 0"),
        ("third", "manual", "the manual", "out", ""),
    ],
    ids=["kind", "name twice", "no name", "no source", "direction", "half a byte", "no bytes"],
)
def test_a_bad_frame_is_found(acme: Path, frame: tuple[str, ...]) -> None:
    add(acme, frame)
    with pytest.raises(ValueError):
        faults(acme, acme.parent / "simulators")
