"""A hall file in the test's own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server import hall_text


@pytest.fixture
def hall(tmp_path: Path) -> Path:
    """8 windows that serve everything, 4 services (prefixes A to D), 16 kiosks, no devices."""
    path = tmp_path / "hall.toml"
    path.write_text(hall_text(), "utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
