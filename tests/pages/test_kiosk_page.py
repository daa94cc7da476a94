"""The kiosk's page offers what its hall has, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.pages import render
from tests.hall import DEMO, demo_hall


def page(folder: Path, old: str = "", new: str = "") -> str:
    """Of the demo hall after one change to its file."""
    assert old in DEMO.read_text("utf-8")
    hall = demo_hall(folder, lambda text: text.replace(old, new, 1))
    return render.TEMPLATES.get_template("kiosk.html").render(page="kiosk", hall=hall, kiosk=hall.kiosk["1"])


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ('reader = "reader-1"\n', "", ["data-reader", "放上身份证"]),
        ('device = "sms-1"\n', "", ["data-sms", 'data-pad="phone"']),
        ("[priority]", "[priority]\noffered = []", ['id="claim"', "data-reason="]),
    ],
    ids=["reader", "messages", "priority"],
)
def test_what_the_hall_lacks_is_not_offered(tmp_path: Path, old: str, new: str, gone: list[str]) -> None:
    text = page(tmp_path)
    assert all(each in text for each in gone)
    text = page(tmp_path, old, new)
    assert not any(each in text for each in gone)


@pytest.mark.req("QUE-10")
def test_reasons_are_those_of_the_hall(tmp_path: Path) -> None:
    assert 'data-does="claim"' in page(tmp_path)
    rules = 'offered = ["senior"]\nsenior_age = 65\ndeclare = "help_desk_only"'
    text = page(tmp_path, 'senior_age = 70\ndeclare = "allow"', rules)
    assert text.count("data-reason=") == 1
    assert "65岁以上老年人" in text
    assert 'data-does="desk"' in text
