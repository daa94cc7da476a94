"""Booking at the kiosk, touched and typed at both panels: by phone and card, in large type, and without a network."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.test_kiosk import CONTROLS, TALL, WIDE, misplaced
from tests.browser.test_kiosk_guide import WHOLE
from tests.browser_pages import Front, look, press, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")
READER = "1号取号机的身份证阅读器"


async def shown(page: Page, step: str, name: str) -> None:
    """On both panels all of this step can be seen at once and reached."""
    await expect(page.locator(f'#guide > [data-test="{step}"]')).to_be_visible()
    for size in (WIDE, TALL):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await look(page, f"kiosk-book-{step}{name}-{size['height']}")
        assert misplaced(await page.evaluate(CONTROLS), size) == [], step
        assert await page.evaluate(WHOLE), step
    await settle(page)


async def tap(page: Page, button: str) -> None:
    await settle(page)
    await page.locator(button).first.click()


async def choose(page: Page, name: str) -> None:
    """As far as the last step before the booking: tomorrow, the first time that is free."""
    await tap(page, "#booking")
    await tap(page, "#book")
    await shown(page, "service", name)
    await page.locator("#guide .tile").first.click()
    await shown(page, "day", name)
    await page.locator("#guide .tile").nth(1).click()
    await shown(page, "slot", name)
    await page.locator("#guide .tile").first.click()
    await shown(page, "confirm", name)


@pytest.mark.req("APPT-03")
async def test_a_booking_by_phone_whose_answer_is_lost_is_made_once_and_leaves_no_trace(front: Front) -> None:
    page = await front.open("/kiosk/1")
    answers: list[str] = []

    async def lose(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        answer = await route.fetch()
        answers.append(await answer.text())
        await route.abort() if len(answers) == 1 else await route.fulfill(response=answer)

    await choose(page, "")
    await page.locator('[data-does="tail"]').click()
    await tap(page, '#keypad [data-does="back"]')
    await shown(page, "confirm", "")
    await page.locator('[data-does="tail"]').click()
    for digit in "5678":
        await page.wait_for_timeout(120)  # faster ones are a scanner's
        await page.keyboard.press(digit)
    await look(page, "kiosk-book-tail")
    await page.route("**/kiosk/1/book*", lose)
    await tap(page, "#confirm")
    await shown(page, "done", "")
    number = await page.locator('[data-test="number"]').inner_text()
    assert [number in each for each in answers] == [True, True]
    await page.locator('#guide [data-does="leave"]').click()
    await expect(page.locator("#choose")).to_be_visible()
    assert number not in await page.content()


async def test_in_large_type_and_english_with_a_card(front: Front) -> None:
    page = await (await front.context("/kiosk/1")).new_page()
    async with page.expect_response("**/card?wait=0"):
        await page.goto(front.address("/kiosk/1"))
    devices = await front.devices()
    await tap(page, "#big")
    await tap(page, "#language")
    await choose(page, "-large-en")
    await press(devices, READER, "lay:permit_i")
    await expect(page.locator("#guide .notice")).to_contain_text("Only Chinese ID cards are read here")
    await press(devices, READER, "take")
    await page.wait_for_timeout(2000)  # no hand changes cards faster than the reader looks
    await press(devices, READER, "lay:zhang_wei")
    await expect(page.locator('[data-test="name"]')).to_have_text("张*")
    await shown(page, "confirm", "-card")
    await page.locator("#guide .main").click()
    await expect(page.locator('[data-test="done"]')).to_contain_text("lay your ID card on the reader")
    await shown(page, "done", "-large-en")
    await press(devices, READER, "take")


async def test_without_a_network_the_kiosk_says_so_and_comes_back(front: Front) -> None:
    page = await front.open("/kiosk/1")
    await choose(page, "")
    await page.locator('[data-does="tail"]').click()
    await settle(page)
    await page.context.set_offline(True)
    for digit in "5678":
        await tap(page, f'[data-digit="{digit}"]')
    await page.locator("#confirm").click()
    await expect(page.locator("#down")).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.locator("#choose")).to_be_visible()
