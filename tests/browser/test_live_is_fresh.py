"""A page that has followed the hall looks as one that was opened just now: nothing stale, left over or out of place."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageChops
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser_pages import SHOTS, Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOKS = 3
"""A minute may turn, or the hall move, between two pictures."""
FAINT = 2
"""Of 255: no eye sees it."""
FEW = 12
"""Points: the smallest letter has more; a round corner may be drawn otherwise."""
STEPS, STEP_MS = 4, 3500
"""A page is led on until what stands for ten seconds is gone and it has asked again, never believing itself cut off."""


async def opened(front: Front, path: str, **options: Any) -> Page:
    return await beside(await front.context(path, **options), front.address(path))


async def beside(context: BrowserContext, url: str) -> Page:
    """A page whose time the test moves."""
    page = await context.new_page()
    await page.clock.install()
    await page.goto(url)
    return page


async def settled(page: Page, there: str, pause_ms: float) -> Image.Image:
    await expect(page.locator(there).first).to_be_visible()
    for _ in range(STEPS):
        await page.clock.fast_forward(STEP_MS)
        await page.wait_for_timeout(pause_ms)
    shot = await page.screenshot(animations="disabled", scale="css")
    return Image.open(io.BytesIO(shot)).convert("RGB")


def where_unlike(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """The box (left, top, right, bottom) of all points that differ; None where nobody would see it."""
    points = ImageChops.difference(one, other).convert("L").point(lambda value: 255 if value > FAINT else 0)
    return points.getbbox() if points.histogram()[255] > FEW else None


async def looks_fresh(live: Page, there: str, name: str) -> None:
    """Holds `live` against a page opened now on the same machine; `there` is seen once a page has drawn itself."""
    for look in range(1, LOOKS + 1):
        fresh = await beside(live.context, live.url)
        old, new = await asyncio.gather(*(settled(each, there, 150 * look) for each in (live, fresh)))
        await fresh.close()
        box = where_unlike(old, new)
        if box is None:
            return
    old.save(SHOTS / f"{name}-live.png")
    new.save(SHOTS / f"{name}-fresh.png")
    pytest.fail(f"{name}: differs in {box}, see {SHOTS}")


# ---- the hall


async def take(front: Front, service: str) -> str:
    return str((await front.ask("POST", "/tickets", {"service": service, "channel": "desk"}))["id"])


async def call(front: Front, no: int, service: str) -> Any:
    await take(front, service)
    return (await front.ask("POST", f"/windows/{no}/call-next", {}))["ticket"]


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _free_windows(front: Front) -> AsyncIterator[None]:
    """Nobody is there any more, and nobody is asked how it was."""
    yield
    for each in (await front.ask("GET", "/windows"))["windows"]:
        if each["ticket"] is not None:
            await front.ask("POST", f"/windows/{each['no']}/finish", {"ticket": each["ticket"]["id"]})
        if asked := await front.ask("GET", f"/windows/{each['no']}/evaluation"):
            await front.ask("POST", f"/evaluations/{asked['id']}/decline", {})


# ---- the pages


async def test_the_kiosk_keeps_nothing_of_a_visitor(front: Front) -> None:
    """Who read English in large type, said that they are a soldier, and went off with a number."""
    live = await opened(front, "/kiosk/1")
    await expect(live.locator(".tile").first).to_be_visible()
    for button in ("#language", "#big", "#claim", "[data-reason=military]", "#tiles .tile"):
        await live.clock.fast_forward(800)
        await live.locator(button).first.click()
    await expect(live.locator("#result")).to_be_visible()
    await live.clock.fast_forward(800)
    await live.locator("#done").click()
    await call(front, 1, "household")
    await take(front, "medical")
    await looks_fresh(live, ".tile", "kiosk")


async def test_the_console_in_three_states(front: Front) -> None:
    there = "#sign-paused:not(:empty)"
    live = await opened(front, "/window/2")
    await expect(live.locator(there)).to_be_visible()
    await take(front, "transfer")
    await live.keyboard.press("Enter")
    await expect(live.locator("#notice")).to_contain_text("已呼叫")
    await live.keyboard.press("3")
    await live.keyboard.press("Escape")
    await live.keyboard.press("/")
    await expect(live.locator("#number")).to_have_text("—")
    await looks_fresh(live, there, "console-idle")
    ticket = await call(front, 2, "transfer")
    await expect(live.locator("#number")).to_have_text(ticket["number"])
    await looks_fresh(live, there, "console-called")
    await front.ask("POST", "/windows/2/finish", {"ticket": ticket["id"]})
    await front.ask("POST", "/windows/2/pause", {"sign": "away", "place": "二楼", "resume": "9:30"})
    await looks_fresh(live, there, "console-paused")
    await front.ask("POST", "/windows/2/resume", {})


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_hall_screen_after_a_round_of_calls(front: Front, theme: str) -> None:
    async def first_leaf(route: Route) -> None:
        answer = await route.fetch(url=re.sub(r"n=\d+", "n=0", route.request.url))
        body = re.sub(r'data-theme="\w+"', f'data-theme="{theme}"', await answer.text())
        await route.fulfill(response=answer, body=body)

    context = await front.context("/screen/f1")
    await context.route("**/leaf?*", first_leaf)
    live = await beside(context, front.address("/screen/f1"))
    await expect(live.locator(".leaf")).to_be_visible()
    for no, service in ((1, "household"), (2, "transfer"), (3, "medical")):
        ticket = await call(front, no, service)
    await expect(live.locator("#band")).to_have_attribute("data-count", "3")
    await front.ask("POST", "/windows/3/start", {"ticket": ticket["id"]})
    await looks_fresh(live, ".leaf", f"screen-{theme}")


async def test_ops_now_after_an_alert_has_come_and_gone(front: Front) -> None:
    live = await opened(front, "/ops", viewport={"width": 1280, "height": 1600})
    await expect(live.locator("#all-well, .problems li").first).to_be_visible()
    await front.ask("POST", "/windows/3/alert", {"kind": "dispute", "words": "争执"})
    alert = await front.ask("POST", "/windows/2/alert", {"kind": "help"})
    await call(front, 1, "household")
    await expect(live.locator('[data-test="problem"]')).to_have_count(2)
    await looks_fresh(live, ".tile", "ops-alerts")
    await front.ask("POST", f"/alerts/{alert['id']}/acknowledge", {"by": "王主任"})
    await front.ask("POST", f"/alerts/{alert['id']}/close", {"by": "王主任", "done": "好了"})
    await expect(live.locator('[data-test="problem"]')).to_have_count(1)
    await looks_fresh(live, ".tile", "ops-one-left")


async def test_the_pad_asks_as_if_nobody_had_touched_it(front: Front) -> None:
    live = await opened(front, "/pad/1")
    await expect(live.locator("#idle")).to_be_visible()
    ticket = await call(front, 1, "household")
    await front.ask("POST", "/windows/1/finish", {"ticket": ticket["id"]})
    await expect(live.locator("#invite")).to_be_visible()
    await live.clock.fast_forward(1000)
    await live.locator('#levels [data-level="2"]').click()
    await live.clock.fast_forward(1000)
    await live.get_by_label("没有提供材料清单").check()
    await live.clock.fast_forward(1000)
    await live.get_by_role("button", name="重选").click()
    await looks_fresh(live, "#levels", "pad-asks")
    await live.locator("#decline").click()
    await expect(live.locator("#words")).to_be_visible()
    await live.clock.fast_forward(4000)
    await looks_fresh(live, "#idle", "pad-idle")
