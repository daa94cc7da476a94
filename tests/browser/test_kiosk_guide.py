"""The kiosk's guide and its help call, seen and pressed at both panels."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_kiosk import CONTROLS, SPEAKS, TALL, WIDE, misplaced
from tests.browser_pages import Front, look, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHOLE = "(box) => box.scrollHeight <= box.clientHeight + 1 && box.scrollWidth <= box.clientWidth + 1"


async def shown(page: Page, name: str, size: dict[str, int]) -> None:
    name = f"kiosk-{name}-{size['height']}"
    await look(page, name)
    assert misplaced(await page.evaluate(CONTROLS), size) == [], name


@pytest.mark.req("KIOSK-03")
@pytest.mark.parametrize("size", [TALL, WIDE], ids=["tall", "wide"])
async def test_the_guide_is_read_heard_printed_and_leads_to_a_number(front: Front, size: dict[str, int]) -> None:
    page = await (await front.context("/kiosk/1", viewport=size)).new_page()
    await page.add_init_script(SPEAKS)
    await page.goto(front.address("/kiosk/1"))
    await page.locator("#guides").click()
    await expect(page.locator("#guide .tile")).to_have_count(6)
    await shown(page, "guides", size)
    await settle(page)
    await page.locator("#guide .tile", has_text="不动产转移登记").click()
    await expect(page.locator("#guide h1")).to_have_text("不动产转移登记")
    await shown(page, "guide", size)
    assert await page.locator("#guide .facts").evaluate(WHOLE)
    await page.locator('#guide [data-does="aloud"]').click()
    assert "完税证明" in await page.evaluate("window.said")
    await page.locator("[data-once]").click()
    await expect(page.locator("#guide .notice")).to_have_text("正在打印，请在下面取走")
    assert await page.evaluate("window.said") == ""
    await page.locator('[data-does="take"]').click()
    await expect(page.locator("#number")).to_have_text(re.compile(r"^K\d{3}$"))


@pytest.mark.parametrize("size", [TALL, WIDE], ids=["tall", "wide"])
async def test_by_keyboard_in_large_type_and_english(front: Front, size: dict[str, int]) -> None:
    page = await front.open("/kiosk/1", viewport=size)
    for button in ("#big", "#language", "#guides"):
        await page.locator(button).focus()
        await settle(page)  # keys that follow each other within 0.1 s are a scanner's
        await page.keyboard.press("Enter")
    await expect(page.locator("#guide .tile")).to_have_count(6)
    await shown(page, "guides-large-en", size)
    await page.keyboard.press("Tab")
    await settle(page)
    await page.keyboard.press("Enter")
    await expect(page.locator("#guide h1")).to_have_text("Pension insurance")
    await expect(page.locator('#guide [data-does="aloud"]')).to_be_hidden()
    await shown(page, "guide-large-en", size)
    assert await page.locator("#guide .facts").evaluate(WHOLE)
    await settle(page)
    await page.keyboard.press("Tab")
    await expect(page.locator("#guide .facts")).to_be_focused()
    await page.keyboard.press("Tab")
    await settle(page)
    await page.keyboard.press("Enter")
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
