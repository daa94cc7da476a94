"""Requirement rows: the list is whole, and what tests cite is in it (tests/conftest.py refuses the run otherwise)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.gates.tree import ROOT

LIST = ROOT / "tests" / "requirements.txt"
ROW = re.compile(r"^([A-Z]{3,5}-\d{2,3})\t(core|records|paper)$")


def rows(text: str) -> dict[str, str]:
    """The stage of each id. Raises `ValueError` for a line that is no row, and for an id that comes twice."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [(match[1], match[2]) for line in lines if (match := ROW.match(line))]
    if len(found) != len(lines) or len(dict(found)) != len(found):
        raise ValueError("a line is no row, or an id comes twice")
    return dict(found)


def citations(source: str) -> list[str | None]:
    """The arguments of every `pytest.mark.req(...)`; None for one that is not a plain string."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.req"]
    return [
        arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else None
        for mark in marks
        for arg in mark.args or [mark]
    ]


def unknown(paths: Iterable[Path], known: dict[str, str]) -> list[str]:
    cited = [(path, row) for path in paths for row in citations(path.read_text("utf-8"))]
    return [f"{path.name} cites {row}" for path, row in cited if row not in known]


def test_the_list_is_whole() -> None:
    stages = Counter(rows(LIST.read_text("utf-8")).values())
    assert stages == {"core": 150, "records": 113, "paper": 4}


def test_tests_cite_rows_that_exist() -> None:
    assert unknown(sorted((ROOT / "tests").rglob("test_*.py")), rows(LIST.read_text("utf-8"))) == []


# ---- the gate itself


def test_citations_are_read_from_the_marks() -> None:
    marks = '@pytest.mark.req("QUE-01", "QUE-02")\ndef test_a(): pass\npytestmark = [pytest.mark.req("QUE-03")]\n'
    assert citations(marks) == ["QUE-01", "QUE-02", "QUE-03"]
    assert citations("@pytest.mark.req()\ndef test_a(): pass\n@pytest.mark.req(ROW)\ndef test_b(): pass") == [
        None,
        None,
    ]


def test_an_unknown_row_is_found(tmp_path: Path) -> None:
    sample = tmp_path / "test_sample.py"
    sample.write_text('@pytest.mark.req("QUE-01", "QUE-99")\ndef test_a(): pass\n')
    assert unknown([sample], {"QUE-01": "core"}) == ["test_sample.py cites QUE-99"]


@pytest.mark.parametrize("text", ["QUE-01 core", "QUE-1\tcore", "QUE-01\tsoon", "QUE-01\tcore\nQUE-01\tcore"])
def test_a_wrong_list_is_found(text: str) -> None:
    with pytest.raises(ValueError):
        rows(text)
