"""From the press to what the eye sees, at a kiosk and a window console in Chromium: alone, and beside 500 screens.

Timed in the page from the pointer's own time stamp until the frame after the change was drawn: `pressed` when the
button or the page shows that it is at work, `answered` when the number stands there. Rounds alternate; all count.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.bench.report import Figures, mark, show
from tests.browser_pages import ARGUMENTS, CHROMIUM, Front, settle
from tests.server import callers, hall_text, running

pytestmark = pytest.mark.bench

ROUNDS = 2
KIOSKS, PRESSES = 3, 10
"""Presses of each kiosk in a round; the window calls as many as all of them."""
SCREENS = (0, 500)
GOAL_MS, PATIENCE_S = 100.0, 20.0
WATCH = """
const drawn = () => new Promise((wake) => requestAnimationFrame(() => setTimeout(wake))).then(() => performance.now());
const change = () => new Promise((wake) => new MutationObserver((_, it) => (it.disconnect(), wake()))
  .observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true }));
async function until(is) {
  while (!is()) await change();
  return drawn();
}
const busy = () => document.querySelector(".busy, [aria-busy]");
const numbered = () => !["", "—"].includes(document.getElementById("number").textContent);
globalThis.watch = () =>
  addEventListener("pointerdown", ({ timeStamp }) => {
    const both = Promise.all([until(busy), until(numbered)]);
    globalThis.told = both.then((times) => times.map((each) => each - timeStamp));
  }, { capture: true, once: true });
"""
"""`told`: ms from the press that follows `watch()`, to its feedback and to its answer."""


@contextlib.asynccontextmanager
async def screens(port: int, count: int) -> AsyncIterator[None]:
    """So many follow the hall meanwhile."""
    order = ["-m", "tests.bench.screens", str(port), str(count), "/api/v1/events"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *order, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        await process.communicate(b"")
    assert process.returncode == 0


async def opened(front: Front, path: str) -> Page:
    page = await (await front.context(path)).new_page()
    await page.add_init_script(WATCH)
    await page.goto(front.address(path))
    return page


async def pressed(page: Page, button: str, *figures: Figures) -> None:
    """Presses once, and adds how long it took to the feedback and to the answer."""
    await page.evaluate("watch()")
    await page.locator(button).first.click()
    async with asyncio.timeout(PATIENCE_S):
        times = await page.evaluate("told")
    for each, took in zip(figures, times, strict=True):
        each.latencies.append(took)


async def at_kiosk(page: Page, one: asyncio.Lock, *figures: Figures) -> None:
    for _ in range(PRESSES):
        async with one:
            await pressed(page, ".tile", *figures)
        await settle(page)
        await page.locator("#done").click()
        await settle(page)


async def at_window(page: Page, one: asyncio.Lock, *figures: Figures) -> None:
    for _ in range(KIOSKS * PRESSES):
        async with one:
            await pressed(page, "#call-next:enabled", *figures)
        await page.locator(".busy").wait_for(state="detached")
        await page.locator("#finish:enabled").click()
        await page.locator(".busy").wait_for(state="detached")


async def round_of(kiosks: list[Page], window: Page, found: dict[str, Figures]) -> None:
    one = asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        for each in kiosks:
            group.create_task(at_kiosk(each, one, found["kiosk pressed"], found["kiosk answered"]))
        group.create_task(at_window(window, one, found["console pressed"], found["console answered"]))


async def fill(port: int) -> None:
    """The window never runs out of visitors."""
    async with callers(port, 1) as (caller,):
        for _ in range(KIOSKS * PRESSES):
            await caller.ask("POST", "/api/v1/tickets", {"service": "s0", "kiosk": "1"})


def row(name: str, screens: int, figures: Figures) -> list[str]:
    p50, p99 = figures.percentile(50), figures.percentile(99)
    judged = f" {mark(p99 < GOAL_MS)}" if name.endswith("pressed") else ""
    return [name, str(screens), str(len(figures.latencies)), f"{p50:.0f}", f"{p99:.0f}{judged}"]


async def test_press_to_what_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hall, data = tmp_path / "hall.toml", tmp_path / "data"
    hall.write_text(hall_text(kiosks=KIOSKS, windows=1), "utf-8")
    found: dict[int, dict[str, Figures]] = {count: defaultdict(Figures) for count in SCREENS}
    async with running(hall, data) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        front = Front(browser, server.port, data)
        kiosks = [await opened(front, f"/kiosk/{n}") for n in range(1, KIOSKS + 1)]
        window = await opened(front, "/window/1")
        await fill(server.port)
        for _ in range(ROUNDS):
            for count in SCREENS:
                async with screens(server.port, count):
                    await round_of(kiosks, window, found[count])
        await front.close()
        await browser.close()
    assert front.faults == []
    rows = [row(name, count, found[count][name]) for name in sorted(found[0]) for count in SCREENS]
    show(capsys, "From the press to what is seen, ms", rows, ["", "screens", "presses", "p50", "p99"])
