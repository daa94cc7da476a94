"""The help desk in a browser: by keyboard alone at its counter, and with a thumb on a phone in the hall."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.browser_pages import Front, look, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE: ViewportSize = {"width": 390, "height": 844}
TARGET = 60
SMALL = """(least) => [...document.querySelectorAll('button, summary, select, textarea, input, main a, header a')]
  .filter((it) => !it.matches('[type=hidden], [type=radio], [type=checkbox], .skip') && it.checkVisibility())
  .filter((it) => it.getBoundingClientRect().height < least).map((it) => it.outerHTML.slice(0, 80))"""
WIDE = "document.documentElement.scrollWidth > innerWidth"


PRINTS = """async () => (await (await fetch("/api/v1/devices")).json()).devices
  .some((each) => each.id === "printer-1" && each.state === "up")"""


async def tab_to(page: Page, selector: str) -> None:
    """Fails when the key never gets there."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("(it) => document.activeElement?.matches(it) ?? false", selector):
            return
    pytest.fail(f"{selector} is not reached by the keyboard")


@pytest.mark.req("QUE-25", "QUE-26")
async def test_a_number_is_taken_found_and_changed_by_keyboard(front: Front) -> None:
    page = await front.open("/desk")
    await expect(page.locator("#find")).to_be_focused()
    while not await page.evaluate(PRINTS):
        await page.wait_for_timeout(100)
    await look(page, "desk")
    await tab_to(page, "details.more > summary")
    await page.keyboard.press("Enter")
    await tab_to(page, "#w-issue")
    await page.keyboard.type("1001")
    await page.keyboard.press("Enter")  # takes nothing yet
    await tab_to(page, 'button[value="household"]')
    await page.keyboard.press("Enter")
    await expect(page.locator('[data-test="done"]')).to_contain_text("已取号 F001，请到1号取号机取纸")
    await expect(page.locator('[data-test="about"]')).to_contain_text("工号 1001")
    await tab_to(page, "#change > summary")
    await page.keyboard.press("Enter")
    await look(page, "desk-ticket")
    await tab_to(page, "#s-change")
    for _ in range(4):
        await page.keyboard.press("ArrowDown")
    await tab_to(page, "#change button")
    await page.keyboard.press("Enter")
    await expect(page.locator('[data-test="done"]')).to_contain_text("号码不变，还是 F001")
    await expect(page.locator(".service")).to_contain_text("居住证办理")
    await page.goto(front.address("/desk"))
    await page.keyboard.type("f1")
    await page.keyboard.press("Enter")
    await expect(page.locator("#number")).to_have_text("F001")


async def test_on_a_phone_everything_is_in_reach(front: Front) -> None:
    page = await front.open("/desk/hand", viewport=PHONE)
    await page.locator("#s-many").select_option("mortgage")
    await page.locator("#f-lines").fill("1 0:00\n2 24:00")
    await page.get_by_role("button", name="全部补录").click()
    await expect(page.locator('[data-test="refused"]')).to_contain_text("第 2 行")
    await look(page, "desk-hand-refused")
    await page.locator("#f-lines").fill("1-2 0:00\n4 0:00")
    await page.get_by_role("button", name="全部补录").click()
    await expect(page.locator('[data-test="count"]')).to_contain_text("共 3 个")
    await page.wait_for_load_state()  # what is said is there before the style that sizes it
    assert await page.evaluate(SMALL, TARGET) == []
    await page.get_by_role("link", name="S4").click()
    await page.wait_for_load_state()
    for path in ("", "/desk", "/desk/bookings"):
        if path:
            await page.goto(front.address(path))
        await page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true })")
        assert await page.evaluate(SMALL, TARGET) == []
        assert await page.evaluate(WIDE) is False
        await look(page, f"desk-phone{path.replace('/', '-')}")


async def test_what_is_typed_for_a_call_for_help_stands_when_the_calls_are_drawn_anew(front: Front) -> None:
    page = await (await front.context("/desk")).new_page()
    await page.clock.install()
    await page.goto(front.address("/desk"))
    call = page.locator('[data-test="call"]')
    await front.ask("POST", "/kiosks/1/help")
    await call.locator("input").fill("王芳")
    await page.locator("#find").focus()
    async with page.expect_response("**/desk/calls"):
        await page.clock.fast_forward(11_000)
    await settle(page)
    await expect(call.locator("input")).to_have_value("王芳")
    await call.get_by_role("button").click()
    await expect(call).to_contain_text("王芳 已去")
