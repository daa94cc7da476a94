"""The page modules as files: both languages say the same things, and nothing draws data as markup."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "edge" / "pages" / "static"
MODULES = sorted(STATIC.glob("*.js"))
BUDGET = 60_000


def _catalogue(name: str) -> dict[str, str]:
    text = (STATIC / "texts.js").read_text("utf-8")
    found = re.search(rf"export const {name} = \{{\n(.*?)\n\}};", text, re.DOTALL)
    assert found, name
    return dict(re.findall(r'^  (\w+): "(.*)",$', found[1], re.MULTILINE))


def test_both_languages_have_the_same_texts() -> None:
    chinese, english = _catalogue("zh"), _catalogue("en")
    assert len(chinese) > 20
    assert chinese.keys() == english.keys()
    for key, words in chinese.items():
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", english[key])), key


def test_every_text_of_the_kiosk_is_in_the_catalogue() -> None:
    page = (STATIC.parent / "templates" / "kiosk.html").read_text("utf-8")
    script = (STATIC / "kiosk.js").read_text("utf-8")
    used = set(re.findall(r'data-t="(\w+)"', page)) | set(re.findall(r'\bt\("(\w+)"', script))
    assert len(used) > 15
    assert used <= _catalogue("zh").keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_data_is_never_drawn_as_markup(path: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text("utf-8"))


def test_the_modules_stay_small() -> None:
    assert sum(path.stat().st_size for path in MODULES) < BUDGET
