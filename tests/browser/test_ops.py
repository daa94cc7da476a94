"""The pages of ops in a browser: fresh without disturbing who works there; readable by night on a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser_pages import Front, look

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
PAGES = ("", "/queue", "/ratings", "/ledger", "/patrol", "/devices/printer-1")


async def test_an_alert_comes_is_taken_and_ends_without_leaving_the_page(front: Front) -> None:
    page = await front.open("/ops", viewport=DESK)
    await expect(page.locator("#all-well")).to_be_visible()
    await page.locator("#to-queue").focus()
    await front.ask("POST", "/windows/3/alert", {"kind": "dispute", "words": "争执"})
    first = page.locator('[data-test="problem"]').first
    await expect(first).to_contain_text("3号窗口 纷争 争执")
    await expect(page.locator("#to-queue")).to_be_focused()
    await first.locator('[name="by"]').fill("王主")
    await front.ask("POST", "/windows/2/alert", {"kind": "help"})
    await expect(page.locator('[data-test="problem"]')).to_have_count(2)
    await expect(first.locator('[name="by"]')).to_have_value("王主")
    await page.keyboard.press("End")
    await page.keyboard.type("任")
    await page.keyboard.press("Enter")
    taken = page.locator('[data-test="problem"]', has_text="王主任已响应")
    await expect(taken).to_have_attribute("data-severity", "warn")
    assert page.url.endswith("/ops")
    await look(page, "ops-1-alerts")
    await taken.locator('[name="by"]').fill("王主任")
    await taken.locator('[name="done"]').fill("已劝解")
    await taken.get_by_role("button", name="登记结果").click()
    await expect(page.locator('[data-test="problem"]')).to_have_count(1)
    for each in (await front.ask("GET", "/alerts"))["open"]:
        await front.ask("POST", f"/alerts/{each['id']}/close", {"by": "王主任", "done": "好了"})
    await expect(page.locator("#all-well")).to_be_visible()


async def test_a_press_that_does_not_arrive_is_said_where_one_looks_and_until_it_does(front: Front) -> None:
    raised = await front.ask("POST", "/windows/3/alert", {"kind": "dispute"})
    page = await (await front.context("/ops", viewport=PHONE)).new_page()
    await page.clock.install()
    await page.goto(front.address("/ops"))
    await page.route("**/acknowledge", lambda route: route.abort())
    await page.locator('[data-test="problem"] [name="by"]').first.fill("王主任")
    await page.evaluate("scrollTo({ top: 400 })")
    await page.keyboard.press("Enter")
    await expect(page.locator("#updated")).to_have_text("没有连上，请再按一次")
    await page.clock.run_for(3_000)
    await expect(page.locator("#updated")).to_have_text("没有连上，请再按一次")
    await expect(page.locator("#updated")).to_be_in_viewport()
    await page.unroute_all(behavior="wait")
    await page.get_by_role("button", name="我去处理").click()
    await expect(page.locator('[data-test="problem"]').first).to_contain_text("王主任已响应")
    await front.ask("POST", f"/alerts/{raised['id']}/close", {"by": "王主任", "done": "好了"})


async def test_every_page_is_readable_by_night_on_a_phone(front: Front) -> None:
    for path in PAGES:
        phone = await front.open(f"/ops{path}", viewport=PHONE, color_scheme="dark")
        assert await phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await look(phone, f"ops-{path.strip('/').replace('/', '-') or 'now'}-phone")


@pytest.mark.req("INSP-02")
async def test_a_patrol_is_entered_with_a_thumb(front: Front) -> None:
    page = await front.open("/ops/patrol", viewport=PHONE, has_touch=True, java_script_enabled=False)
    for pill in await page.locator(".pill").all():
        box = await pill.bounding_box()
        assert box is not None
        assert box["height"] >= 60
    await page.get_by_label("3号 社保窗口").tap()
    await page.get_by_label("没有佩戴工作牌").tap()
    await page.locator("#f-by").fill("周主任")
    await page.get_by_role("button", name="登记").first.tap()
    await expect(page.locator('[data-test="done"]')).to_contain_text("已登记")
    await expect(page.locator('[data-test="observation"]').first).to_contain_text("3号窗口")
