"""The pages of attendance in a browser: by keyboard alone, readable, without a script, and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.browser_pages import Front, look

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "/ops/attendance"
DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
UNITS = ("rs", "ga", "zj")
NAMES = ["王芳", "李娜", "张伟", "刘洋", "陈静", "杨磊", "赵敏", "黄强", "周涛", "吴迪", "徐丽", "孙浩"]
PAGES = ("", "/entries", "/entries?kind=roll_call", "/people", "/people?edit=2001", "/results", "/calendar")


async def roster(front: Front) -> None:
    """Beside those whom the demo's centre sends."""
    people = [
        {
            "id": f"{2001 + n}",
            "name": name,
            "unit": UNITS[n % 3],
            "since": "2026-01-05",
            "posts": [{"window": n % 3 + 1}],
        }
        for n, name in enumerate(NAMES)
    ]
    await front.ask("POST", "/attendance/people", {"people": people})


async def tab_to(page: Page, selector: str) -> None:
    """Fails when the key never gets there."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("(it) => document.activeElement?.matches(it) ?? false", selector):
            return
    pytest.fail(f"{selector} is not reached by the keyboard")


async def test_a_leave_is_entered_by_keyboard(front: Front) -> None:
    await roster(front)
    page = await front.open(f"{HERE}/entries", viewport=DESK)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("跳到内容")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(page, "#f-person")
    await page.keyboard.type("2001")
    await tab_to(page, "#f-leave")
    await page.keyboard.press("ArrowDown")
    await page.locator("#f-start").fill("2026-11-24T09:00")  # how a date is typed depends on the machine
    await page.locator("#f-end").fill("2026-11-24T12:00")
    await tab_to(page, "#form button.main")
    await page.keyboard.press("Enter")
    await expect(page.locator('[data-test="done"]')).to_have_text("已登记")
    await expect(page.locator('[data-test="verdict"]')).to_contain_text("病假 0.5 天")
    await look(page, "attendance-leave")


async def test_a_month_is_looked_at_and_published(front: Front) -> None:
    await roster(front)
    page = await front.open(f"{HERE}/results", viewport=DESK)
    await page.get_by_text("先看一看").first.click()
    await expect(page.locator('[data-person="2002"]')).to_be_visible()
    await page.get_by_role("button", name="公示", exact=True).click()
    await expect(page.locator('[data-test="done"]')).to_have_text("已公示")
    await look(page, "attendance-publication")
    await page.locator('[data-person="2002"] a').click()
    await page.locator("#f-words").fill("那天在二楼帮办")
    await page.get_by_role("button", name="登记异议").click()
    await expect(page.locator('[data-test="objection"]')).to_contain_text("那天在二楼帮办")
    await look(page, "attendance-result")
    await page.go_back()
    await page.goto(front.address(f"{HERE}/results"))
    await expect(page.locator('[data-test="publication"]')).to_contain_text("1 条待答复")


async def test_everybody_can_read_the_pages_on_a_desk_and_on_a_phone(front: Front) -> None:
    await roster(front)
    page = await front.open(HERE, viewport=DESK)
    for path in PAGES:
        await page.set_viewport_size(DESK)
        await page.goto(front.address(HERE + path))
        assert await page.locator("script").count() == 0
        await look(page, "attendance" + re.sub(r"\W+", "-", path))
        await page.set_viewport_size(PHONE)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def test_on_a_phone_a_persons_line_is_read_from_the_name_to_the_last_figure(front: Front) -> None:
    await roster(front)
    page = await front.open(HERE, viewport=PHONE)
    for path in ("/people", "/months/2026-11", "/months/2026-11/people/2001"):
        await page.goto(front.address(HERE + path))
        boxes = page.locator(".scroll, .card:has(> table)")
        assert await boxes.count(), path
        assert await boxes.evaluate_all("all => all.every((each) => each.scrollWidth <= each.clientWidth)"), path
