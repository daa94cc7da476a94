"""A browser that refuses sound, and a rush of calls: the text stands as it should, ops is told, and nothing flashes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from edge.notices.silence import STEADY_MS
from tests.browser_pages import ARGUMENTS, CHROMIUM, Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUSH = """(numbers) => {
  for (const [nth, number] of numbers.entries()) {
    const data = { number, window: 1 + (nth % 3), zone: "f1", ticket: number };
    const event = { seq: 1e6 + nth, type: "ticket.called", data };
    setTimeout(() => stream.dispatchEvent(new MessageEvent("journal", { data: JSON.stringify(event) })), nth * 100);
  }
}"""
KEEP = """
globalThis.EventSource = class extends EventSource {
  constructor(...given) { super(...given); globalThis.stream = this; }
};
"""
WATCH = """(seconds) => new Promise((told) => {
  const lamp = (colour) => (colour.match(/[\\d.]+/g).slice(0, 3).map(Number))
    .map((each) => each / 255).map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, nth) => sum + each * [0.2126, 0.7152, 0.0722][nth], 0);
  const seen = [];
  const look = (time) => {
    const plates = [...document.querySelectorAll("#band .call")];
    const lit = plates.map((node) => lamp(getComputedStyle(node).backgroundColor));
    seen.push([time, lit]);
    if (time - seen[0][0] < seconds * 1000) requestAnimationFrame(look);
    else told(seen);
  };
  requestAnimationFrame(look);
})"""
"""Every frame: ms, and the relative luminance of each plate of the band."""
BAND = """async ({ calls, every, room }) => {
  const { add, admit, shown } = await import("/static/band.js");
  const times = new Map();
  let band = [];
  for (let time = 0; time < 300_000; time += 50) {
    const nth = time / every;
    band = Number.isInteger(nth) && nth < calls
      ? add(band, { number: `A${nth}`, window: 1 }, time, room) : admit(band, time, room);
    for (const { number } of shown(band)) times.set(number, (times.get(number) ?? 0) + 50);
  }
  return [...times.values()];
}"""
SILENT = "**/leaf?*silent=true"
SWING = 0.1
"""A change of relative luminance that counts as half a flash (WCAG 2.3.1)."""


async def call(front: Front, no: int, service: str) -> str:
    await front.ask("POST", "/tickets", {"service": service, "channel": "desk"})
    ticket = (await front.ask("POST", f"/windows/{no}/call-next", {}))["ticket"]
    return str(ticket["number"])


async def silences(front: Front) -> list[str]:
    told: list[dict[str, Any]] = (await front.ask("GET", "/problems"))["problems"]
    return [each["name"] for each in told if each["why"] == "声音未启用"]


async def test_a_browser_that_refuses_sound_calls_in_writing_and_ops_is_told(front: Front) -> None:
    """The browser of a panel that was started without the switch for kiosks, until somebody touches it."""
    arguments = [each for each in ARGUMENTS if "autoplay" not in each]
    browser = await front.browser.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    page = await browser.new_page(viewport={"width": 1920, "height": 1080})
    async with page.expect_request(SILENT):
        await page.goto(front.address("/screen/f1"))
    await page.wait_for_timeout(STEADY_MS)
    async with page.expect_request(SILENT):  # with the next leaf; until then nothing is looked at: it counts as a touch
        pass
    ops = await front.open("/ops")
    await expect(ops.locator('[data-test="problem"]')).to_contain_text("一楼办事大厅的大厅屏 声音未启用")
    assert await silences(front) == ["一楼办事大厅的大厅屏"]
    numbers = [await call(front, no, service) for no, service in ((1, "household"), (2, "transfer"))]
    await expect(page.locator("#muted")).to_have_text("声音未启用")
    await expect(page.locator("#band .call b")).to_have_text(numbers)
    await page.mouse.click(5, 5)
    await expect(page.locator("#muted")).to_be_hidden()
    await expect(ops.locator("#all-well")).to_be_visible()
    assert await silences(front) == []
    await browser.close()


# ---- flashes


def flashes(lights: list[tuple[float, float]]) -> int:
    """The most in any second, of (ms, luminance): two swings one against the other are one."""
    swings: list[float] = []
    way, turn = 0, lights[0][1]
    for at, light in lights:
        now = (light > turn) - (light < turn)
        if way and now == way:
            turn = light
        elif abs(light - turn) >= SWING:
            swings.append(at)
            way, turn = now, light
    return max((sum(at <= other < at + 1000 for other in swings) for at in swings), default=0) // 2


async def rush(front: Front, numbers: list[str], seconds: float) -> list[tuple[float, list[float]]]:
    context = await front.context("/screen/f1", reduced_motion="no-preference")
    await context.add_init_script(KEEP)
    page: Page = await context.new_page()
    await page.route("**/announcements/*", lambda route: route.abort())
    await page.goto(front.address("/screen/f1"))
    await expect(page.locator(".leaf")).to_be_visible()
    watching = asyncio.create_task(page.evaluate(WATCH, seconds))
    await page.evaluate(RUSH, numbers)
    return [(at, lit) for at, lit in await watching]


@pytest.mark.parametrize("same", [False, True], ids=["others", "the same"])
async def test_twenty_quick_calls_do_not_flash(front: Front, same: bool) -> None:
    """Neither one plate nor the band as a whole; nor where the same number is called again and again."""
    seen = await rush(front, [f"A{0 if same else nth:03}" for nth in range(20)], 3.5)
    assert len(seen) > 30
    places = max(len(lit) for _, lit in seen)
    assert places == 1 if same else places > 1
    for place in range(places):
        assert flashes([(at, lit[place]) for at, lit in seen if len(lit) > place]) <= 3
    assert flashes([(at, sum(lit) / len(lit)) for at, lit in seen if lit]) <= 3


async def test_each_of_twenty_quick_calls_is_lit_for_ten_seconds(front: Front) -> None:
    page = await front.open("/screen/f1")
    for every, room in ((50, 3), (400, 1), (2000, 2)):
        times = await page.evaluate(BAND, {"calls": 20, "every": every, "room": room})
        assert len(times) == 20
        assert min(times) >= 10_000
