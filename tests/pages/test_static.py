"""The page modules as files: both languages say the same things, and nothing draws data as markup."""

import json
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "edge" / "pages"
MODULES = sorted((PAGES / "static").glob("*.js"))
BUDGET = 60_000
WORDS: dict[str, list[str]] = json.loads((PAGES / "templates" / "kiosk.json").read_text("utf-8"))
KIOSK = "".join((PAGES / "static" / f"{name}.js").read_text("utf-8") for name in ("kiosk", "number", "visit", "yours"))
FROM_EDGE = {"held", "missed", "unreadable", "unsupported_document", "bad_number"}
"""States of a ticket, and why a card was not read."""


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_say_the_same(key: str) -> None:
    chinese, english = WORDS[key]
    named = set(re.findall(r"\{\w+\}", chinese))
    assert set(re.findall(r"\{\w+\}", english)) <= named
    assert re.search(r"[一-鿿]|\{", chinese)
    assert not re.search(r"[一-鿿]", english)


def test_every_text_of_the_kiosk_is_in_the_catalogue() -> None:
    used = set(re.findall(r'\bt\("(\w+)"', KIOSK))
    assert len(used) > 15
    assert used <= WORDS.keys()
    unsaid = {key for key in WORDS if f'"{key.removesuffix("Card")}"' not in KIOSK}
    assert unsaid == FROM_EDGE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_data_is_never_drawn_as_markup(path: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text("utf-8"))


def test_the_modules_stay_small() -> None:
    assert sum(path.stat().st_size for path in MODULES) < BUDGET
