"""What the pages live through: a cut network, a tab left open over night, refused sound, a long rush."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser_pages import Front, look, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHT_MS = 15 * 3600 * 1000
STREAMS = """
globalThis.streams = [];
globalThis.opened = 0;
globalThis.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    opened++;
    streams = [...streams.filter((each) => each.readyState !== EventSource.CLOSED), this];
  }
};
"""
"""Counts the event streams that the page opens, and keeps those that are not closed."""
OPEN = "streams.filter((each) => each.readyState !== EventSource.CLOSED).length"
RUSH = """([first, count]) => {
  for (let seq = first; seq < first + count; seq++) {
    const data = { number: `A${seq % 12}`, window: 1 + (seq % 3), zone: "f1", ticket: `t${seq}` };
    const event = { seq, type: "ticket.called", data };
    streams.at(-1).dispatchEvent(new MessageEvent("journal", { data: JSON.stringify(event) }));
  }
}"""
REFUSED = """
Object.defineProperty(AudioContext.prototype, "state", { get: () => "suspended" });
AudioContext.prototype.resume = () => new Promise(() => {});
"""
"""As a browser without the switch for kiosks does it."""
NO_OUTPUT = (
    "globalThis.AudioContext = class { constructor() { throw new DOMException('no device', 'NotSupportedError'); } };"
)
PULSES = """document.getAnimations().map((each) => each.effect.getComputedTiming())
  .map(({ duration, iterations }) => [duration, iterations])"""


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _free_windows(front: Front) -> AsyncIterator[None]:
    yield
    for each in (await front.ask("GET", "/windows"))["windows"]:
        if each["ticket"] is not None:
            await front.ask("POST", f"/windows/{each['no']}/finish", {"ticket": each["ticket"]["id"]})


async def call(front: Front, no: int, service: str) -> Any:
    await front.ask("POST", "/tickets", {"service": service, "channel": "desk"})
    return (await front.ask("POST", f"/windows/{no}/call-next", {}))["ticket"]


async def clocked(front: Front, path: str, script: str = "") -> tuple[BrowserContext, Page]:
    """A machine whose time the test moves."""
    context = await front.context(path)
    await context.add_init_script(script)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address(path))
    return context, page


# ---- the network is cut


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ("/ops", "连接中断，下面是旧的"),
        ("/screen/f1", "显示暂停更新，请听叫号或看窗口屏"),
        ("/window/3", "离线"),
        ("/t/{ticket}", "没有连上，正在重连，请留意大厅叫号"),
        ("/t/{ticket}?lang=en&size=large", "No connection, trying again"),
    ],
)
async def test_a_page_says_that_what_it_shows_is_old(front: Front, path: str, lost: str) -> None:
    """And says so no more when the network is back; what people do on it meanwhile is not lost with an error page."""
    ticket = await front.ask("POST", "/tickets", {"service": "pension", "channel": "desk"})
    context, page = await clocked(front, path.format(ticket=ticket["id"]))
    await expect(page.locator("body")).not_to_contain_text(lost)
    await page.wait_for_load_state("load")
    await context.set_offline(True)
    await page.clock.fast_forward(50_000)
    await expect(page.locator("body")).to_contain_text(lost)
    assert await violations(page) == []
    await context.set_offline(False)
    await page.clock.fast_forward(5_000)
    await expect(page.locator("body")).not_to_contain_text(lost)


# ---- the tab of yesterday


@pytest.mark.parametrize(("path", "number"), [("/screen/f1", "#band .call b"), ("/window/1", "#number")])
async def test_a_tab_of_yesterday_shows_this_morning(front: Front, path: str, number: str) -> None:
    """The machine slept over night. What was called meanwhile is not lit again, and there is one stream, not two."""
    context, page = await clocked(front, path, STREAMS)
    # A function, not words: where the first look is too early, words would be read again, which the policy forbids.
    await page.wait_for_function("() => streams.length === 1")
    await context.set_offline(True)
    old = await call(front, 1, "household")
    await front.ask("POST", "/windows/1/finish", {"ticket": old["id"]})
    await page.clock.fast_forward(NIGHT_MS)
    await context.set_offline(False)
    await page.clock.fast_forward(5_000)
    new = await call(front, 1, "household")
    await expect(page.locator(number)).to_have_text([new["number"]])
    await page.clock.fast_forward(1_000)
    assert await page.evaluate(OPEN) == 1


# ---- sound


@pytest.mark.parametrize("script", [REFUSED, NO_OUTPUT], ids=["refused", "no output"])
async def test_a_screen_without_sound_still_calls_in_writing(front: Front, script: str) -> None:
    context = await front.context("/screen/f1")
    await context.add_init_script(script)
    page = await context.new_page()
    await page.goto(front.address("/screen/f1"))
    await expect(page.locator("#muted")).to_have_text("声音未启用")
    first, second = await call(front, 1, "household"), await call(front, 2, "transfer")
    await expect(page.locator("#band .call b")).to_have_text([first["number"], second["number"]])
    await look(page, "screen-muted")


# ---- a long rush


async def weight(page: Page) -> dict[str, float]:
    """After the browser has thrown away what nobody holds any more."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    await session.send("Performance.enable")
    told = {each["name"]: each["value"] for each in (await session.send("Performance.getMetrics"))["metrics"]}
    await session.detach()
    return {each: told[each] for each in ("Nodes", "JSEventListeners", "JSHeapUsedSize")}


@pytest.mark.req("DISP-14")
async def test_two_thousand_calls_and_a_hundred_broken_streams_leave_nothing_behind(front: Front) -> None:
    _, page = await clocked(front, "/screen/f1", REFUSED + STREAMS)
    await expect(page.locator(".leaf")).to_be_visible()
    seq = 1_000_000
    for turn in range(110):
        if turn == 10:  # by then all is made that is ever made
            before = await weight(page)
        await page.evaluate(RUSH, [seq, 20])
        seq += 20
        await page.clock.fast_forward(41_000)  # nothing is heard for longer than the page trusts a stream
    after = await weight(page)
    assert await page.evaluate("opened") > 50
    assert await page.evaluate(OPEN) == 1
    assert after["Nodes"] < before["Nodes"] + 200
    assert after["JSEventListeners"] < before["JSEventListeners"] + 50
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] + 2_000_000


async def test_no_call_flashes(front: Front) -> None:
    """However quickly they come: two soft pulses each, half a second long."""
    page = await front.open("/screen/f1", reduced_motion="no-preference")
    await expect(page.locator(".leaf")).to_be_visible()
    for no, service in ((1, "household"), (2, "transfer"), (3, "medical")):
        await call(front, no, service)
    await expect(page.locator("#band")).to_have_attribute("data-count", "3")
    pulses = await page.evaluate(PULSES)
    assert pulses
    assert all(duration >= 500 and iterations <= 2 for duration, iterations in pulses)
