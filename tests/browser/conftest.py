"""A demo hall and a browser for each file of tests, and pages that make no errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.browser_pages import ARGUMENTS, CHROMIUM, FILE, Front, ports_beside
from tests.forked import demo
from tests.server import free_port


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    data = tmp_path_factory.mktemp("hall") / "data"
    port = free_port(*ports_beside(FILE.read_text("utf-8")))
    async with demo(FILE, data, port), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        front = Front(browser, port, data)
        yield front
        await front.close()
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def front(hall: Front) -> AsyncIterator[Front]:
    """Closes the pages of one test; they threw no error and asked nobody else."""
    open_before = len(hall.contexts)
    yield hall
    await hall.close(open_before)
    faults = hall.faults.copy()
    hall.faults.clear()
    assert faults == []
