"""The service is killed under open pages and starts again on its data: what people see and hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from tests.browser_pages import ARGUMENTS, CHROMIUM, PATIENCE_MS, Front
from tests.server import Server, free_port, hall_text, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOUNDED = """
globalThis.sounded = 0;
const { start } = AudioScheduledSourceNode.prototype;
AudioScheduledSourceNode.prototype.start = function (at) {
  sounded++;
  start.call(this, at);
};
globalThis.follows = false;
globalThis.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    this.addEventListener("open", () => (follows = true));
    this.addEventListener("error", () => (follows = false));
  }
};
"""
"""Counts the tones that the page plays, and tells whether it follows the hall."""
LONG_AGO_S = 46
"""A hall screen says for so long when it last knew; then it stops."""
BACK_S = 5
"""After the service answers again."""


@pytest_asyncio.fixture(loop_scope="module")
async def bare(tmp_path: Path) -> AsyncIterator[Front]:
    """A browser, and a hall that does not run yet."""
    (tmp_path / "hall.toml").write_text(hall_text(windows=3, services=3, kiosks=1), "utf-8")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        front = Front(browser, free_port(), tmp_path / "data")
        yield front
        await front.close()
        await browser.close()
        assert front.faults == []


def start(front: Front) -> AbstractAsyncContextManager[Server]:
    return running(front.data.with_name("hall.toml"), front.data, port=front.port)


async def opened(front: Front, path: str) -> Page:
    """A page that counts its sounds, two tones a call, and whose time the test moves."""
    context = await front.context(path)
    await context.add_init_script(SOUNDED)
    await context.route("**/announcements/*", lambda route: route.abort())
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address(path))
    return page


async def lead(pages: Iterable[Page], seconds: int) -> None:
    """In steps, each with room for an answer."""
    for _ in range(seconds):
        for page in pages:
            await page.clock.fast_forward(1000)
            await page.wait_for_timeout(20)


async def until(page: Page, true: str) -> None:
    """The page's policy lets no script be evaluated there again and again."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await page.evaluate(true):
            await page.wait_for_timeout(50)


async def call(front: Front, no: int) -> str:
    await front.ask("POST", "/tickets", {"service": "s0", "channel": "desk"})
    return str((await front.ask("POST", f"/windows/{no}/call-next", {}))["ticket"]["number"])


async def test_a_killed_service_is_told_outlived_and_nothing_is_done_twice(bare: Front) -> None:
    async with start(bare) as server:
        kiosk, console, screen = pages = [await opened(bare, each) for each in ("/kiosk/1", "/window/1", "/screen/f1")]
        await expect(screen.locator(".leaf")).to_be_visible()
        first, second = await call(bare, 1), await call(bare, 2)
        await bare.ask("POST", "/tickets", {"service": "s1", "channel": "desk"})
        await expect(screen.locator("#band .call b")).to_have_text([first, second])
        await expect(console.locator("#number")).to_have_text(first)
        await expect(kiosk.locator("#total")).to_contain_text("1")
        await lead([screen], 3)
        await until(screen, "sounded === 4")
        await server.kill()
    await console.keyboard.press("/")
    await kiosk.locator("#tiles .tile").first.click()
    await lead(pages, 8)
    await expect(console.locator("#away")).to_be_visible()
    await expect(kiosk.locator("#down")).to_contain_text("机器暂时不能取号，请到导办台人工取号")
    await lead(pages, 8)
    await expect(screen.locator("#updated")).to_contain_text("断网，更新于")
    await lead(pages, LONG_AGO_S - 16)
    await expect(screen.locator("#band")).to_have_text("显示暂停更新，请听叫号或看窗口屏")
    async with start(bare):
        await lead(pages, BACK_S)
        await expect(console.locator("#number")).to_have_text("—")
        await expect(console.locator("#away")).to_be_hidden()
        await expect(console.locator("#notice")).to_contain_text(f"{first} 已办结")
        await expect(screen.locator("#band .call b")).to_have_text([second])
        await expect(screen.locator("#updated")).to_be_empty()
        await expect(kiosk.locator("#choose")).to_be_visible()
        await expect(kiosk.locator("#total")).to_contain_text("1")
        assert (await bare.ask("GET", "/windows/1/today"))["served"] == 1
        assert await screen.evaluate("sounded") == 4, "an old call is not rung again"
        assert [page.url.removeprefix(bare.address("")) for page in pages] == ["/kiosk/1", "/window/1", "/screen/f1"]
        await until(screen, "follows")
        await lead([screen], 2)
        third = await call(bare, 1)
        await expect(screen.locator("#band .call b")).to_have_text([third])
        await until(screen, "sounded === 6")
