"""The other pages in each of their states: what they say, that everyone can read it, and that they keep still."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from edge.access.vault import open_vault
from tests.browser_pages import Front, look, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = {"width": 400, "height": 300}


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _free_windows(front: Front) -> AsyncIterator[None]:
    """What a test leaves at the windows is no other test's business."""
    yield
    for window in (await front.ask("GET", "/windows"))["windows"]:
        await finish(front, window["no"])
        await front.ask("POST", f"/windows/{window['no']}/resume", {})


async def issue(front: Front, service: str) -> str:
    ticket = await front.ask("POST", "/tickets", {"service": service, "channel": "desk"})
    return str(ticket["number"])


async def finish(front: Front, no: int) -> None:
    """Empties the hands of a window."""
    ticket = (await front.ask("GET", f"/windows/{no}"))["ticket"]
    if ticket is not None:
        await front.ask("POST", f"/windows/{no}/finish", {"ticket": ticket["id"]})


# ---- the window console


async def pause(page: Page, sign: str, resume: str, contact: str) -> None:
    await page.locator("#pause-sign").select_option(sign)
    if sign == "go_to":
        await page.locator("#pause-other").select_option("1")
    if sign == "away":
        await page.locator("#pause-place").fill("二楼会议室")
    await page.locator("#pause-resume").fill(resume)
    await page.locator("#pause-contact").fill(contact)
    await page.locator("#pause").click()
    await expect(page.locator("#state")).to_have_text("暂停")


@pytest.mark.req("WIN-01", "WIN-03", "WIN-05", "DISP-17")
@pytest.mark.parametrize(
    ("sign", "resume", "contact", "words"),
    [
        ("suspended", "14:30", "67890", "此窗口暂停服务 14:30恢复 联系电话67890"),
        ("go_to", "", "", "请到1号窗口"),
        ("away", "9：05", "", "二楼会议室 9:05恢复"),
    ],
)
async def test_a_pause_says_why(front: Front, sign: str, resume: str, contact: str, words: str) -> None:
    page = await front.open("/window/2")
    await expect(page.locator("#state")).to_have_text("空闲")
    await pause(page, sign, resume, contact)
    await expect(page.locator("#sign")).to_have_text(words)
    await expect(page.locator("#sign-paused")).to_have_text("对不起，请稍候")
    await expect(page.locator("#go-on")).to_be_enabled()
    await look(page, f"console-paused-{sign}")
    await page.keyboard.press("*")
    await expect(page.locator("#state")).to_have_text("空闲")


async def test_a_clerk_who_goes_away_says_where(front: Front) -> None:
    page = await front.open("/window/2")
    await expect(page.locator("#state")).to_have_text("空闲")
    await page.locator("#pause-sign").select_option("away")
    await page.locator("#pause").click()
    await expect(page.locator("#notice")).to_have_text("请先写去向")
    await expect(page.locator("#pause-place")).to_be_focused()
    await page.locator("#pause-place").fill("开会")
    await page.locator("#pause-resume").fill("25:00")
    await page.keyboard.press("*")
    await expect(page.locator("#notice")).to_have_text("请先写去向")
    await page.locator("h1").click()
    await page.keyboard.press("*")
    await expect(page.locator("#notice")).to_have_text("恢复时间请写成 14:30")
    await expect(page.locator("#state")).to_have_text("空闲")


async def test_a_clerk_signs_in_and_out(front: Front) -> None:
    page = await front.open("/window/2")
    await expect(page.locator("#clerk")).to_have_text("还没有签到")
    await page.locator("#staff").fill("1002")
    await page.locator("#sign-in").click()
    await expect(page.locator("#clerk")).to_have_text("王芳 1002")
    await issue(front, "transfer")
    await expect(page.locator("#waiting")).to_have_text("1 人")
    await page.locator("#sign-out").click()
    await expect(page.locator("#notice")).to_have_text("还有 1 人等候，再按一次签退")
    await look(page, "console-signed-in")
    await settle(page)
    await page.locator("#sign-out").click()
    await expect(page.locator("#clerk")).to_have_text("还没有签到")
    await page.locator("#staff").fill("9")
    await page.locator("#staff").press("Enter")
    await expect(page.locator("#notice")).to_have_text("没有这个工号")
    await front.ask("POST", "/windows/2/call-next", {})


async def test_a_clerk_misses_somebody_and_takes_it_back(front: Front) -> None:
    """In the small window that stays on top of the clerk's other work."""
    number = await issue(front, "mortgage")
    page = await front.open("/window/2", viewport=SMALL)
    await page.locator("#call-next").click()
    await expect(page.locator("#number")).to_have_text(number)
    await expect(page.locator("#why")).to_contain_text("为什么是这一位")
    await look(page, "console-small-called")
    await page.locator("#miss").click()
    await expect(page.locator("#notice")).to_have_text(f"{number} 已过号")
    await look(page, "console-small-missed")
    await page.locator("#undo").click()
    await expect(page.locator("#notice")).to_have_text(f"{number} 已回到等候")
    await expect(page.locator("#waiting")).to_have_text("1 人")
    await page.locator("#call-next").click()
    await expect(page.locator("#number")).to_have_text(number)


async def test_a_console_without_a_network_says_so(front: Front) -> None:
    context = await front.context("/window/2", viewport=SMALL)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address("/window/2"))
    await expect(page.locator("#call-next")).to_be_enabled()
    await context.set_offline(True)
    await page.clock.fast_forward(20_000)
    await expect(page.locator("#state")).to_have_text("离线")
    await expect(page.locator("#call-next")).to_be_disabled()
    await look(page, "console-small-offline")
    await context.set_offline(False)
    await page.clock.fast_forward(5_000)
    await expect(page.locator("#call-next")).to_be_enabled()


# ---- the hall screen


async def test_the_band_holds_several_calls_and_can_keep_still(front: Front) -> None:
    screen = await front.open("/screen/f1", reduced_motion="no-preference")
    still = await front.open("/screen/f1")
    for each in (screen, still):
        await expect(each.locator("#band")).to_contain_text("请坐下等候叫号")
    await look(screen, "screen-empty")
    for count, (no, service) in enumerate([(1, "household"), (2, "transfer"), (3, "medical")], 1):
        await issue(front, service)
        await front.ask("POST", f"/windows/{no}/call-next", {})
        await expect(screen.locator("#band")).to_have_attribute("data-count", str(count))
        assert await screen.evaluate("document.getAnimations().length") > 0
        await expect(still.locator("#band")).to_have_attribute("data-count", str(count))
        assert await still.evaluate("document.getAnimations().length") == 0
    await look(still, "screen-three-calls")


async def test_a_screen_that_hears_nothing_says_so(front: Front) -> None:
    context = await front.context("/screen/f1")
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address("/screen/f1"))
    await expect(page.locator("#told")).to_contain_text("现在等候")
    await context.set_offline(True)
    await page.clock.fast_forward(50_000)
    await expect(page.locator("#band")).to_contain_text("显示暂停更新，请听叫号或看窗口屏")
    await expect(page.locator("#updated")).to_contain_text("断网，更新于")
    await look(page, "screen-stale")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "演示模式：本机可使用全部功能"),
        ("/pad/99", "没有找到：99 号窗口"),
        ("/t/none", "没有这个号，请看小票或找导办台"),
    ],
)
async def test_a_page_before_anything_happens(front: Front, path: str, words: str) -> None:
    page = await front.open(path)
    await expect(page.get_by_text(words, exact=True)).to_be_visible()
    await look(page, f"page{path.replace('/', '-')}")


# ---- the pad, touched


@pytest.mark.req("EVAL-11", "EVAL-12")
async def test_a_touch_on_the_pad_rates_and_every_level_is_thanked_alike(front: Front) -> None:
    number = await issue(front, "household")
    await front.ask("POST", "/windows/1/call-next", {})
    pad, console = await front.open("/pad/1"), await front.open("/window/1")
    await finish(front, 1)
    await expect(pad.locator("#about")).to_contain_text(number)
    sizes = [await each.bounding_box() for each in await pad.locator("#levels label").all()]
    assert len({(each["width"], each["height"]) for each in sizes if each}) == 1
    await expect(pad.locator("#invite")).to_be_visible()
    await settle(pad)
    await pad.locator('#levels [data-level="1"]').dblclick(position={"x": 100, "y": 190})
    await settle(pad)
    await expect(pad.locator("fieldset :checked")).to_have_count(0)
    await pad.locator("#done").click()
    await expect(pad.locator("#words")).to_have_text("谢谢您，欢迎您监督和帮助")
    await expect(console.locator("#evaluation")).to_have_text("已评价")
    assert "不满意" not in await console.locator("body").inner_text()


@pytest.mark.req("EVAL-03")
async def test_a_visitor_may_say_no_to_the_pad(front: Front) -> None:
    await issue(front, "household")
    await front.ask("POST", "/windows/1/call-next", {})
    pad, console = await front.open("/pad/1"), await front.open("/window/1")
    await finish(front, 1)
    await expect(pad.locator("#invite")).to_be_visible()
    await look(pad, "pad-invite")
    await settle(pad)
    await pad.locator("#decline").click()
    await expect(pad.locator("#words")).to_have_text("好的，谢谢您")
    await expect(console.locator("#evaluation")).to_have_text("未评价")


# ---- the ticket's own page


@pytest.mark.req("EVAL-02", "EVAL-12")
async def test_a_phone_rates_once_while_it_may(front: Front) -> None:
    """By the address on the slip; who has it from elsewhere sees where the ticket stands."""
    id_ = (await front.ask("POST", "/tickets", {"service": "household", "channel": "desk"}))["id"]
    slip = f"/t/{id_}?k={open_vault(front.data).slip_key(id_)}"
    await front.ask("POST", "/windows/1/call-next", {})
    phone, stranger = await front.open(slip), await front.open(f"/t/{id_}")
    await expect(phone.locator("#state")).to_have_text("请到 一楼 1 号窗口")
    await expect(phone.locator("#rate")).to_be_hidden()
    await finish(front, 1)
    await expect(phone.locator("#rate")).to_be_visible()
    other = await front.open(slip)
    await expect(other.locator("#rate")).to_be_visible()
    sizes = [await each.bounding_box() for each in await phone.locator("#levels button").all()]
    assert len({(each["width"], each["height"]) for each in sizes if each}) == 1
    await look(phone, "phone-rate")
    await phone.locator('[data-level="4"]').click()
    await expect(phone.locator("#said")).to_have_text("谢谢您，欢迎您监督和帮助")
    await look(phone, "phone-rated")
    await expect(other.locator("#said")).to_have_text("本次评价已结束")
    await expect(other.locator("#rate")).to_be_hidden()
    await expect(stranger.locator("#state")).to_have_text("已办完")
    await expect(stranger.locator("#rate")).to_be_hidden()
