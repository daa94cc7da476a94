"""A demo hall and a browser for each file of tests, and pages that make no errors."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.browser_pages import ARGUMENTS, CHROMIUM, FILE, Front, ports_beside
from tests.server import free_port, running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """Ends as in the evening: Ctrl-C, and nothing went wrong."""
    data = tmp_path_factory.mktemp("hall") / "data"
    port = free_port(*ports_beside(FILE.read_text("utf-8")))
    async with running(FILE, data, port=port, command="demo", ready_within=15) as demo:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            front = Front(browser, port, data)
            yield front
            await front.close()
            await browser.close()
        os.killpg(demo.process.pid, signal.SIGINT)
        assert await demo.ended(10) == 0
        assert "Traceback" not in demo.log.read_text("utf-8")


@pytest_asyncio.fixture(loop_scope="module")
async def front(hall: Front) -> AsyncIterator[Front]:
    """Closes the pages of one test; they threw no error and asked nobody else."""
    open_before = len(hall.contexts)
    yield hall
    await hall.close(open_before)
    faults = hall.faults.copy()
    hall.faults.clear()
    assert faults == []
