"""The kiosk's guide and its help call, seen and pressed at both panels."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_kiosk import CONTROLS, TALL, WIDE, misplaced
from tests.browser_pages import Front, look, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHOLE = """[...document.querySelectorAll("#guide .facts")]
  .every((box) => box.scrollHeight <= box.clientHeight + 1 && box.scrollWidth <= box.clientWidth + 1)"""


HEARD = """
const { start, stop } = AudioBufferSourceNode.prototype;
globalThis.heard = [];
const played = AudioBufferSourceNode.prototype;
played.start = function (...more) { heard.push(this.buffer.duration); start.apply(this, more); };
played.stop = function (...more) { heard.push("stopped"); stop.apply(this, more); };
"""
"""Seconds of what is played, and `stopped`."""
PRINTS = """async () => (await (await fetch("/api/v1/devices")).json()).devices
  .some((each) => each.id === "printer-1" && each.state === "up")"""


async def shown(page: Page, name: str) -> None:
    """On both panels all of it can be seen at once and reached."""
    for size in (WIDE, TALL):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await look(page, f"kiosk-{name}-{size['height']}")
        assert misplaced(await page.evaluate(CONTROLS), size) == [], name
        assert await page.evaluate(WHOLE), name


async def hit(page: Page, *keys: str) -> None:
    """Keys that follow each other within 0.1 s are a scanner's."""
    for key in keys:
        await page.wait_for_timeout(120)
        await page.keyboard.press(key)


@pytest.mark.req("KIOSK-03")
async def test_the_guide_is_read_heard_printed_and_leads_to_a_number(front: Front) -> None:
    page = await (await front.context("/kiosk/1")).new_page()
    await page.add_init_script(HEARD)
    await page.goto(front.address("/kiosk/1"))
    while not await page.evaluate(PRINTS):
        await page.wait_for_timeout(100)
    await page.locator("#guides").click()
    await expect(page.locator("#guide .tile")).to_have_count(6)
    await shown(page, "guides")
    await settle(page)
    await page.locator("#guide .tile", has_text="不动产转移登记").click()
    await expect(page.locator("#guide h1")).to_have_text("不动产转移登记")
    await shown(page, "guide")
    await settle(page)
    async with page.expect_request("**/aloud") as asked:
        await page.locator('#guide [data-does="aloud"]').click()
    assert "完税证明" in str((await asked.value).post_data)
    while not (heard := await page.evaluate("heard")):
        await page.wait_for_timeout(100)
    assert heard[0] > 10
    await page.locator("[data-once]").click()
    await expect(page.locator("#guide .notice")).to_have_text("正在打印，请在下面取走")
    assert (await page.evaluate("heard"))[1:] == ["stopped"]
    await settle(page)
    await page.locator('[data-does="take"]').click()
    await expect(page.locator("#number")).to_have_text(re.compile(r"^K\d{3}$"))


async def test_by_keyboard_in_large_type_and_english(front: Front) -> None:
    page = await front.open("/kiosk/1")
    for button in ("#big", "#language", "#guides"):
        await page.locator(button).focus()
        await hit(page, "Enter")
    await expect(page.locator("#guide .tile")).to_have_count(6)
    await shown(page, "guides-large-en")
    await settle(page)
    await hit(page, "Tab", "Enter")
    await expect(page.locator("#guide h1")).to_have_text("Pension insurance")
    await shown(page, "guide-large-en")
    await hit(page, "Tab")
    await expect(page.locator("#guide .facts")).to_be_focused()
    await settle(page)
    async with page.expect_response("**/aloud") as answered:
        await page.locator('#guide [data-does="aloud"]').click()
    assert '"english":true' in str((await answered.value).request.post_data)
    await page.locator("#guide .facts").focus()
    await hit(page, "Tab", "Enter")
    await expect(page.locator("#guide .tile")).to_have_count(6)
    await settle(page)
    await page.locator('#guide [data-does="back"]').click()
    await expect(page.locator("#choose")).to_be_visible()


async def test_who_calls_for_help_is_told_that_somebody_knows(front: Front) -> None:
    page = await front.open("/kiosk/1")
    await page.locator('#choose [data-does="help"]').click()
    await expect(page.locator("#notice")).to_have_text("已通知导办员，请稍候")
    problems = (await front.ask("GET", "/problems"))["problems"]
    (problem,) = [each for each in problems if each["name"] == "1号取号机"]
    ops = await front.open("/ops")
    await expect(ops.locator("body")).to_contain_text("有人请求帮助")
    await front.ask("POST", f"/alerts/{problem['id']}/close", {"by": "周主任", "done": "已帮助取号"})
    await page.context.set_offline(True)
    await settle(page)
    await page.locator('#choose [data-does="help"]').click()
    await expect(page.locator("#notice")).to_have_text("没有连上，请再试一次")
