"""The hall whose attendance pages are opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.visits import fill


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00; see `fill`."""
    async with running(World(tmp_path, without_devices)) as hall:
        await fill(hall)
        yield hall
