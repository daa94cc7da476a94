"""A visitor's whole way through the demo hall, by touching its pages and the keys of its simulated devices."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Self

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser_pages import Front, card, drawn, look, picture, press, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRINTER, COUNTER, LED = "1号取号机的小票打印机", "柜台总线（呼叫器和评价器）", "3号窗口屏"
SOUND = re.compile(r"^(speech [1-9][.\d]* s|tone [\d.]+ Hz; tone [\d.]+ Hz); $")
"""One announcement of a second or more, or the two tones where speech cannot be made."""
SPY = """
for (const { prototype } of [AudioScheduledSourceNode, AudioBufferSourceNode]) {
  const { start } = prototype;
  prototype.start = function (...when) {
    const { dataset } = document.documentElement;
    const sound = this.buffer ? `speech ${this.buffer.duration} s` : `tone ${this.frequency.value} Hz`;
    dataset.sounds = `${dataset.sounds ?? ""}${sound}; `;
    return start.apply(this, when);
  };
}
"""
"""Writes down what the page starts to play."""


@dataclass(slots=True)
class Walk:
    """The pages that the visitor, the clerk and the engineer have before them."""

    kiosk: Page
    console: Page
    pad: Page
    screen: Page
    ops: Page
    devices: Page
    ticket: str = ""
    """The id of the ticket last taken."""

    @classmethod
    async def open(cls, front: Front) -> Self:
        made = await front.context("/screen/f1")
        await made.add_init_script(SPY)
        screen = await made.new_page()
        await screen.goto(front.address("/screen/f1"))
        paths = ("/kiosk/1", "/window/3", "/pad/3", "/ops")
        kiosk, console, pad, ops = await asyncio.gather(*(front.open(path) for path in paths))
        devices = await front.devices()
        await expect(ops.locator("#all-well")).to_contain_text("全部正常")
        return cls(kiosk, console, pad, screen, ops, devices)

    async def take_number(self) -> str:
        """Touches 养老保险; returns the number shown."""
        async with self.kiosk.expect_response("**/api/v1/tickets") as asked:
            await self.kiosk.locator('[data-service="pension"]').click()
        told = await (await asked.value).json()
        self.ticket = told["id"]
        await expect(self.kiosk.locator("#number")).to_have_text(told["number"])
        return str(told["number"])

    async def leave_kiosk(self) -> None:
        """Touches 完成, which does not hear what comes within 0.7 s."""
        await settle(self.kiosk)
        await self.kiosk.locator("#done").click()
        await expect(self.kiosk.locator("#choose")).to_be_visible()

    async def call(self, number: str) -> None:
        """The clerk presses 呼叫 on the call box."""
        await press(self.devices, COUNTER, "call:3")
        await expect(self.console.locator("#number")).to_have_text(number)

    async def serve(self) -> None:
        await self.console.locator("#start").click()
        await expect(self.console.locator("#state")).to_have_text("办理中")
        await look(self.console, "walk-07-serving")
        await self.console.locator("#finish").click()
        await expect(self.console.locator("#state")).to_have_text("等待评价")

    async def rate(self) -> None:
        """The visitor presses 满意 on the evaluator."""
        await press(self.devices, COUNTER, "grade:3:3")
        await expect(self.console.locator("#evaluation")).to_have_text("已评价")

    async def centre(self, count: str) -> int:
        return int(await self.devices.locator(f'#central [data-is="{count}"]').inner_text())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def walk(hall: Front) -> Walk:
    return await Walk.open(hall)


@pytest.mark.req("QUE-03", "QUE-14", "QUE-20", "EVAL-01", "EVAL-05", "EVAL-11")
async def test_a_visit(walk: Walk, front: Front) -> None:
    await look(walk.kiosk, "walk-01-kiosk")
    before = await walk.centre("received")
    number = await walk.take_number()
    await the_kiosk_tells(walk, number)
    await walk.leave_kiosk()
    phone = await front.open(f"/t/{walk.ticket}")
    await expect(phone.locator("#ahead")).to_have_text("前面 0 人")
    await look(phone, "walk-04-phone")
    await walk.call(number)
    await everyone_is_told(walk, number)
    await expect(phone.locator("#state")).to_have_text("请到 一楼 3 号窗口")
    await look(phone, "walk-06-phone-called")
    await walk.serve()
    await the_visitor_is_asked(walk)
    await walk.rate()
    await the_visitor_is_thanked(walk)
    await expect(phone.locator("#state")).to_have_text("已办完")
    await the_centre_has_it(walk, before)


async def the_kiosk_tells(walk: Walk, number: str) -> None:
    await expect(walk.kiosk.locator("#ahead")).to_have_text("前面 0 人")
    await expect(walk.kiosk.locator("#windows")).to_have_text("办理窗口：一楼 1、3 号窗口")
    box = await walk.kiosk.locator("#number").bounding_box()
    assert box is not None
    assert box["height"] >= 220
    await expect(walk.kiosk.locator("#print")).to_have_text("请取走小票")
    await look(walk.kiosk, "walk-02-number")
    slip = await drawn(walk.devices, PRINTER)
    assert number in slip
    assert "养老保险" in slip


async def everyone_is_told(walk: Walk, number: str) -> None:
    """The box's display, the sign over the window, the hall screen with its chime, the console."""
    await shows(walk, COUNTER, f'"digits": "   {number[1:]}"')
    await shows(walk, LED, f"请{number}号到一楼3号社保窗口")
    band = walk.screen.locator("#band")
    await expect(band.locator("b")).to_have_text([number])
    await expect(band.locator("span")).to_have_text(["3号窗口"])
    await expect(walk.screen.locator("html")).to_have_attribute("data-sounds", SOUND)
    await expect(walk.screen.locator("#muted")).to_be_hidden()
    await expect(walk.console.locator("#state")).to_have_text("呼叫中")
    await expect(walk.console.locator("#sign")).to_have_text(f"请{number}号到一楼3号社保窗口")
    await look(walk.screen, "walk-05-hall-screen")
    await look(walk.console, "walk-05-console")
    await picture(walk.devices, "walk-05-devices")


async def shows(walk: Walk, device: str, words: str) -> None:
    """Until the state of a simulated device, opened on its card, says so."""
    about = card(walk.devices, device).locator("details")
    await about.evaluate("(details) => (details.open = true)")
    await expect(about.locator("pre")).to_contain_text(words)


async def the_visitor_is_asked(walk: Walk) -> None:
    await shows(walk, COUNTER, '"evaluation": true')
    await expect(walk.pad.locator("#levels label")).to_have_text(
        ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
    )
    await expect(walk.pad.locator("#invite")).to_be_visible()
    await look(walk.pad, "walk-08-pad")
    await look(walk.console, "walk-08-console")


async def the_visitor_is_thanked(walk: Walk) -> None:
    await expect(walk.pad.locator("#said")).to_have_text("谢谢您，欢迎您监督和帮助")
    await look(walk.pad, "walk-09-pad")
    await look(walk.console, "walk-09-console")
    await expect(walk.pad.locator("#idle")).to_be_visible()
    await look(walk.pad, "walk-10-pad")


async def the_centre_has_it(walk: Walk, before: int) -> None:
    """Issued, printed, called, started, finished, invited, rated."""
    await expect(walk.ops.locator("#outbox-waiting")).to_have_text("0 条")
    await expect(walk.devices.locator("#central ol")).to_contain_text("evaluation.rated")
    assert await walk.centre("received") >= before + 7
    assert await walk.centre("order_errors") == 0
    await look(walk.ops, "walk-10-ops")
    await picture(walk.devices, "walk-10-devices")


@pytest.mark.usefixtures("front")
async def test_the_centre_goes_away_and_comes_back(walk: Walk) -> None:
    switch = walk.devices.locator('#central [data-is="switch"]')
    await switch.click()
    await expect(walk.devices.locator("#central .mark")).to_have_text("离线")
    number = await walk.take_number()
    await walk.leave_kiosk()
    await walk.call(number)
    await walk.serve()
    await walk.rate()
    await expect(walk.ops.locator("#central")).to_have_text("中心：联系不上")
    await expect(walk.ops.locator("#outbox-waiting")).to_have_text(re.compile(r"^([7-9]|\d\d+) 条$"))
    await expect(walk.ops.locator("#outbox-since")).to_have_text(re.compile(r"^\d\d:\d\d（不到 1 分钟前）$"))
    await expect(walk.ops.locator('[data-test="problem"][data-device="central"]')).to_contain_text("联系不上")
    await look(walk.ops, "away-1-ops")
    await switch.click()
    await expect(walk.devices.locator("#central .mark")).to_have_text("在线")
    await expect(walk.ops.locator("#outbox-waiting")).to_have_text("0 条")
    await expect(walk.ops.locator("#all-well")).to_be_visible()
    assert await walk.centre("order_errors") == 0
    await look(walk.ops, "away-2-ops-back")


@pytest.mark.req("QUE-19")
@pytest.mark.usefixtures("front")
async def test_the_paper_runs_out(walk: Walk) -> None:
    await press(walk.devices, PRINTER, "paper_out")
    problem = walk.ops.locator('[data-test="problem"][data-device="printer-1"]')
    await expect(problem).to_have_attribute("data-severity", "bad")
    await expect(problem).to_contain_text("缺纸")
    number = await walk.take_number()
    await expect(walk.kiosk.locator("#print")).to_have_text(f"小票没有打出来。您的号是 {number}，请拍照或记下来")
    await expect(walk.kiosk.locator("#print")).to_have_css("font-size", "64px")
    await look(walk.kiosk, "paper-1-kiosk")
    await look(walk.ops, "paper-1-ops")
    await press(walk.devices, PRINTER, "paper_ok")
    await expect(walk.kiosk.locator("#print")).to_have_text("请取走小票")
    await expect(walk.ops.locator("#all-well")).to_be_visible()
    assert number in await drawn(walk.devices, PRINTER)
    await look(walk.kiosk, "paper-2-kiosk")
    await walk.call(number)
    await walk.serve()
