"""The window console under a clerk's one hand: every move by its key, and never a doubt whether a press worked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from tests.browser_pages import Front, look, picture, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPACT = {"width": 360, "height": 640}
BESIDE = {"width": 400, "height": 300}
ESSENTIAL = ("number", "up", "call-next", "recall", "start", "finish", "miss", "more")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(hall: Front) -> Page:
    await hall.ask("POST", "/windows/2/sign-in", {"staff": "1002"})
    return await hall.open("/window/2")


@pytest_asyncio.fixture(loop_scope="module")
async def page(front: Front, opened: Page) -> AsyncIterator[Page]:
    """The console of window 2, signed in, with nobody in hand and nobody waiting."""
    yield opened
    await opened.unroute_all(behavior="wait")
    await opened.keyboard.press("Escape")
    left = await front.ask("GET", "/windows/2")
    if left["ticket"] is not None:
        await front.ask("POST", "/windows/2/finish", {"ticket": left["ticket"]["id"]})
    for each in [*left["next"], *left["held"]]:
        await front.ask("POST", f"/tickets/{each['id']}/cancel")
    await expect(opened.locator("#number")).to_have_text("—")
    await expect(opened.locator("#waiting")).to_have_text("0 人")


async def issue(front: Front, service: str = "transfer") -> Any:
    return await front.ask("POST", "/tickets", {"service": service, "channel": "desk"})


async def press(page: Page, keys: str, says: str | re.Pattern[str]) -> None:
    """Presses one key after the other, and waits until the page says what came of it."""
    for key in keys.split():
        await page.keyboard.press(key)
    await expect(page.locator("#notice")).to_have_text(says)


async def call(front: Front, page: Page, service: str = "transfer") -> Any:
    ticket = await issue(front, service)
    await expect(page.locator("#up")).to_contain_text(ticket["number"])
    await press(page, "Enter", f"已呼叫 {ticket['number']}")
    return ticket


@pytest.mark.req("QUE-28")
async def test_who_is_next_and_why_is_seen_before_the_call(page: Page, front: Front) -> None:
    ticket = await issue(front)
    await expect(page.locator("#up")).to_have_text(f"下一位 {ticket['number']} 不动产转移登记：先到先办；等了0分钟")
    await look(page, "console-next")
    await press(page, "Enter", f"已呼叫 {ticket['number']}")
    await expect(page.locator("#why")).to_have_text("为什么是这一位？先到先办；等了0分钟")


async def test_one_key_a_move_and_each_says_that_it_worked(page: Page, front: Front) -> None:
    number = (await call(front, page))["number"]
    await press(page, "+", f"已重呼 {number}，第 1 次")
    await press(page, "0", f"{number} 开始办理")
    await press(page, "0", "已开始办理")
    await press(page, "/", f"{number} 已办结：即办")
    await press(page, "/", "没有叫号")


@pytest.mark.parametrize(
    ("keys", "says"),
    [(". 2", "已办结：承诺"), (". 6", "已办结：咨询"), ("4 2", "已挂起：持件"), ("4 3", "已挂起：等待")],
)
async def test_what_is_not_usual_takes_one_press_more(page: Page, front: Front, keys: str, says: str) -> None:
    number = (await call(front, page))["number"]
    await press(page, keys, f"{number} {says}")
    if "挂起" in says:
        await press(page, "2", f"{number} 继续办理")


@pytest.mark.req("PRN-03", "PRN-04")
async def test_what_is_missing_is_ticked_and_the_notice_prints(page: Page, front: Front) -> None:
    number = (await call(front, page))["number"]
    form = page.locator("#supplement")
    for key in (".", "3", "1", "4"):
        await page.keyboard.press(key)
    await page.keyboard.press("Enter")
    await expect(form.locator(".said")).to_have_text("请填写申请人")
    await look(page, "console-supplement")
    await form.locator('[name="text"]').fill("委托书")
    await form.locator('[name="values.applicant"]').fill("张三丰")
    await form.locator('[name="values.deadline"]').fill("2030-01-31")
    await page.wait_for_timeout(300)
    says = f"{number} 已办结，通知书从“窗口通知单打印机”打出，编号 [2-9A-Z]{{10}}"
    await press(page, "Enter", re.compile(says))
    await settle(page)
    await look(page, "console-notice")


async def test_without_a_printer_the_notice_is_shown_to_be_copied(page: Page, front: Front) -> None:
    """As the edge answers at a window that has none."""
    number = (await call(front, page))["number"]

    async def no_printer(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        told["notice"] = {"code": "B7K3M9Q2XP", "print": "none"}
        await route.fulfill(response=answer, json=told)

    await page.route("**/finish", no_printer)
    for key in (".", "4", "2"):
        await page.keyboard.press(key)
    await page.locator('#rejected [name="values.applicant"]').fill("张三丰")
    await page.locator('#rejected [name="values.basis"]').fill("第十二条")
    await page.keyboard.press("Enter")
    await expect(page.locator("#result-title")).to_have_text(f"{number} 不动产转移登记")
    await expect(page.locator("#result-code")).to_have_text("B7K3M9Q2XP")
    await expect(page.locator("#result-lines li")).to_have_text(
        ["不动产权证书", "申请人：张三丰", "退件依据：第十二条"]
    )
    await look(page, "console-notice-to-copy")
    await page.keyboard.press("Enter")


async def test_another_day_is_booked_with_a_code_to_photograph(page: Page, front: Front) -> None:
    await call(front, page)
    for key in (".", "7", "Enter"):
        await page.keyboard.press(key)
    await expect(page.locator("#result")).to_be_visible()
    await expect(page.locator("#result-code")).to_have_text(re.compile(r"^\d{6}$"))
    await expect(page.locator("#result-lines")).to_contain_text("09:00")
    await expect(page.locator("#result-picture")).to_have_js_property("complete", True)
    assert await page.locator("#result-picture").evaluate("(image) => image.naturalWidth") > 100
    await look(page, "console-another-day")
    await page.keyboard.press("Enter")
    await expect(page.locator("#result")).to_be_hidden()


async def test_a_number_that_is_typed_is_called(page: Page, front: Front) -> None:
    first, second = await issue(front), await issue(front)
    await expect(page.locator("#waiting")).to_have_text("2 人")
    await page.keyboard.press("5")
    await page.keyboard.type("999")
    await page.keyboard.press("Enter")
    await expect(page.locator("#chosen .said")).to_have_text("今天没有999号")
    await page.locator("#chosen input").fill(second["number"][1:])
    await page.wait_for_timeout(300)
    await press(page, "Enter", f"已呼叫 {second['number']}")
    await press(page, "/", f"{second['number']} 已办结：即办")
    await call_and_miss(page, first["number"])
    await page.keyboard.press("8")
    await look(page, "console-missed-ones")
    await press(page, "Enter", f"{first['number']} 已回到等候")


async def call_and_miss(page: Page, number: str) -> None:
    """Who only touches the key is told to hold it."""
    await press(page, "Enter", f"已呼叫 {number}")
    await press(page, "-", "按住 −")
    await page.keyboard.down("-")
    await expect(page.locator("#notice")).to_have_text(f"{number} 已过号")
    await page.keyboard.up("-")


async def test_who_has_no_number_and_who_is_at_the_wrong_window(page: Page, front: Front) -> None:
    await press(page, "7 Enter", re.compile(r"^W\d{3} 开始办理$"))
    await press(page, "/", re.compile(r"^W\d{3} 已办结：即办$"))
    ticket = await call(front, page, "mortgage")
    await press(page, "6 ArrowDown Enter", f"{ticket['number']} 改去 1 号 综合窗口")
    await front.ask("POST", f"/tickets/{ticket['id']}/cancel")


@pytest.mark.req("WIN-09", "WIN-12")
async def test_a_hands_over_to_b_on_one_page(page: Page, front: Front) -> None:
    await page.keyboard.press("b")
    await page.keyboard.type("1003")
    await press(page, "Enter", "等接替的人在本页确认")
    await expect(page.locator("#hand")).to_have_text("王芳 1002 请 赵静 1003 接替，等本人确认")
    await page.keyboard.press("b")
    await expect(page.locator("#hand-who")).to_contain_text("赵静 1003")
    await page.keyboard.type("1001")
    await page.keyboard.press("Enter")
    await expect(page.locator("#hand-answer .said")).to_have_text("请由赵静本人确认交接")
    await look(page, "console-hand-over")
    await page.locator("#hand-answer input").fill("1003")
    await page.wait_for_timeout(300)
    await press(page, "Enter", "交接完成")
    await expect(page.locator("#clerk")).to_have_text("赵静 1003，代 王芳 1002")
    await front.ask("POST", "/windows/2/sign-in", {"staff": "1002"})
    await expect(page.locator("#clerk")).to_have_text("王芳 1002")


@pytest.mark.req("WIN-22")
async def test_an_emergency_is_never_an_accident_and_somebody_answers(page: Page, front: Front) -> None:
    before = len((await front.ask("GET", "/alerts"))["open"])
    await press(page, "9 3", "3 秒内再按一次，报告紧急情况")
    assert len((await front.ask("GET", "/alerts"))["open"]) == before
    await page.wait_for_timeout(350)
    await press(page, "3", "紧急情况已报告")
    await expect(page.locator("#alerts")).to_have_text("紧急情况 已通知 中心，等待确认")
    await look(page, "console-emergency")
    alert = (await front.ask("GET", "/alerts"))["open"][-1]
    await front.ask("POST", f"/alerts/{alert['id']}/acknowledge", {"by": "周主任"})
    await expect(page.locator("#alerts")).to_have_text("紧急情况 周主任 已确认")
    await look(page, "console-emergency-answered")
    await front.ask("POST", f"/alerts/{alert['id']}/close", {"by": "周主任", "done": "已处理"})
    await expect(page.locator("#alerts")).to_have_text("")


async def test_the_second_press_of_an_emergency_is_asked_for_in_sight(front: Front) -> None:
    page = await front.open("/window/3", viewport=BESIDE)
    await expect(page.locator("#state")).not_to_have_text("离线")
    await page.keyboard.press("9")
    await page.keyboard.press("3")
    said = page.locator("#alarm .said")
    await expect(said).to_have_text("3 秒内再按一次，报告紧急情况")
    box = await said.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= BESIDE["height"]
    await expect(said).to_have_css("pointer-events", "none")  # it lies over the button that is to be pressed again


@pytest.mark.req("WIN-13")
async def test_closing_with_a_case_in_hand_says_what_comes_first(page: Page, front: Front) -> None:
    number = (await call(front, page))["number"]
    await press(page, "c", f"办完 {number} 再停止")
    await press(page, "/", f"{number} 已办结：即办")
    await press(page, "c", "再按一次：今天不再叫号，窗口屏写“停止服务”")
    await press(page, "c", "已停止服务")
    await expect(page.locator("#state")).to_have_text("停止服务")
    await press(page, "Enter", "按 C 开窗")
    await press(page, "c", "已重新开窗")


async def test_the_sign_on_a_pause_is_seen_before_the_pause(page: Page) -> None:
    await page.locator("#pause-sign").select_option("go_to")
    await page.locator("#pause-resume").fill("14：30")
    await expect(page.locator("#sign-paused")).to_have_text("请到1号窗口 14:30恢复")
    await page.locator("h1").click()
    await press(page, "*", "已暂停")
    await expect(page.locator("#sign")).to_have_text("请到1号窗口 14:30恢复")
    await press(page, "*", "已恢复服务")


async def test_a_preview_that_comes_late_does_not_stand_for_what_is_typed_now(page: Page) -> None:
    held: list[Route] = []

    async def slow(route: Route) -> None:
        if "resume=14" in route.request.url:
            await route.continue_()
        else:
            held.append(route)

    await page.route("**/sign?*", slow)
    await page.locator("#pause-sign").select_option("go_to")
    await page.locator("#pause-resume").fill("14:30")
    await expect(page.locator("#sign-paused")).to_have_text("请到1号窗口 14:30恢复")
    for route in held:
        async with page.expect_response(route.request.url):
            await route.continue_()
    await settle(page)
    await expect(page.locator("#sign-paused")).to_have_text("请到1号窗口 14:30恢复")
    await page.unroute("**/sign?*", slow)
    await page.locator("h1").click()


# ---- who goes to fetch something, or goes on elsewhere


@pytest.mark.req("QUE-16")
async def test_a_visitor_goes_on_to_another_window_and_keeps_the_place(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    await page.keyboard.press("3")
    await expect(page.locator("#move-on")).to_be_visible()
    await look(page, "console-transfer")
    await page.keyboard.press("Enter")  # Enter is also what calls the next: nobody is sent away by a slip
    await expect(page.locator("#move-on .said")).to_have_text("请选择去哪里")
    await page.wait_for_timeout(300)
    await press(page, "ArrowDown Enter", f"{ticket['number']} 已转到 1 号 综合窗口")
    await expect(page.locator("#number")).to_have_text("—")
    called = await front.ask("POST", "/windows/1/call-next", {})
    assert called["ticket"]["id"] == ticket["id"]
    assert called["ticket"]["taken_at"] == ticket["taken_at"]
    await front.ask("POST", "/windows/1/finish", {"ticket": ticket["id"]})


@pytest.mark.req("QUE-16")
async def test_a_visitor_goes_on_to_another_service_unless_the_clerk_thinks_better(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    await page.keyboard.press("3")
    await page.keyboard.press("Escape")
    await expect(page.locator("#move-on")).to_be_hidden()
    await expect(page.locator("#number")).to_have_text(ticket["number"])
    await page.locator("#transfer").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#move-on")).to_be_visible()
    await page.locator('#move-on [name="goes"]').select_option("C 医疗保险")
    await page.locator("#move-on-send").click()
    await expect(page.locator("#notice")).to_have_text(f"{ticket['number']} 已转到 C 医疗保险")
    assert (await front.ask("GET", f"/tickets/{ticket['id']}"))["service"]["id"] == "medical"
    await front.ask("POST", f"/tickets/{ticket['id']}/cancel")


async def test_who_goes_to_fetch_something_is_called_back(page: Page, front: Front) -> None:
    """The one that is chosen, where several were held."""
    held: list[dict[str, str]] = []
    await expect(page.locator("#hold-why")).to_have_text("没有叫号")
    await page.keyboard.press("1")
    await expect(page.locator("#notice")).to_have_text("没有叫号")
    for service in ("transfer", "mortgage"):
        ticket = await call(front, page, service)
        await expect(page.locator("#back-why")).to_have_text("请先办结")
        held.insert(0, {"number": ticket["number"], "service": ticket["service"]["name"]})
        await page.keyboard.press("1")
        await expect(page.locator("#notice")).to_have_text(f"{ticket['number']} 已挂起")
    await expect(page.locator("#back")).to_be_enabled()
    await look(page, "console-held")
    await page.keyboard.press("2")
    await expect(page.locator("#picked option")).to_have_text([f"{each['number']} {each['service']}" for each in held])
    await look(page, "console-call-back")
    number = held.pop()["number"]
    await press(page, "ArrowDown Enter", f"{number} 继续办理")
    await expect(page.locator("#number")).to_have_text(number)
    await expect(page.locator("#state")).to_have_text("办理中")
    await press(page, "/", f"{number} 已办结：即办")
    await expect(page.locator("#back")).to_be_enabled()
    await page.keyboard.press("2")
    await expect(page.locator("#number")).to_have_text(held.pop()["number"])


async def test_who_was_held_elsewhere_is_never_taken_up_unseen(page: Page, front: Front) -> None:
    ticket = await issue(front)
    await front.ask("POST", "/windows/1/call", {"ticket": ticket["id"]})
    await front.ask("POST", "/windows/1/hold", {"ticket": ticket["id"], "kind": "without_papers"})
    await expect(page.locator("#back")).to_be_enabled()
    await page.keyboard.press("2")
    shown = f"{ticket['number']} {ticket['service']['name']} 在1号窗口挂起"
    await expect(page.locator("#picked option")).to_have_text([shown])
    await press(page, "Enter", f"{ticket['number']} 继续办理")
    await expect(page.locator("#number")).to_have_text(ticket["number"])


async def test_a_refused_move_says_why_at_once(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    await page.keyboard.press("3")
    await front.ask("POST", "/windows/2/finish", {"ticket": ticket["id"]})
    await press(page, "ArrowDown Enter", f"{ticket['number']}号不在2号窗口，窗口现在没有号")


# ---- never in doubt


async def test_a_press_is_seen_at_once_and_a_second_one_is_told(page: Page, front: Front) -> None:
    """Whatever the network needs."""
    ticket, gate = await issue(front), asyncio.Event()

    async def wait(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    await page.route("**/call-next", wait)
    await page.keyboard.press("Enter")
    assert "busy" in str(await page.locator("#call-next").get_attribute("class"))
    await press(page, "Enter", "上一步还没完成")
    gate.set()
    await expect(page.locator("#notice")).to_have_text(f"已呼叫 {ticket['number']}")
    await expect(page.locator("#call-next")).not_to_have_class("busy")


async def test_a_press_that_nobody_answers_is_said_and_sent_again_as_the_same(page: Page, front: Front) -> None:
    """The edge had it the first time: its answer got lost. One visitor is called, not two."""
    first, second = await issue(front), await issue(front)
    keys: list[str] = []
    looked = asyncio.Event()

    async def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            await route.fetch()
        if len(keys) == 3:
            await looked.wait()
        await route.abort() if len(keys) < 3 else await route.continue_()

    await page.route("**/call-next", lose)
    await press(page, "Enter", "正在发出“叫号”…")
    looked.set()
    await expect(page.locator("#notice")).to_have_text(f"已呼叫 {first['number']}")
    assert (len(keys), len(set(keys))) == (3, 1)
    assert (await front.ask("GET", f"/tickets/{second['id']}"))["state"] == "waiting"


async def test_without_a_network_the_page_says_that_a_press_waits(front: Front) -> None:
    context = await front.context("/window/3", viewport=COMPACT)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address("/window/3"))
    ticket = await issue(front, "medical")
    await expect(page.locator("#up")).to_contain_text(ticket["number"])
    await context.set_offline(True)
    await page.keyboard.press("Enter")
    await page.clock.run_for(9_000)
    await expect(page.locator("#notice")).to_have_text("网络不通，“叫号”还没有送到，恢复后自动补发，不用再按")
    await look(page, "console-network-gone")
    await context.set_offline(False)
    await page.clock.run_for(4_000)
    await expect(page.locator("#notice")).to_have_text(f"已呼叫 {ticket['number']}")
    await page.clock.run_for(1_000)
    await expect(page.locator("#number")).to_have_text(ticket["number"])
    await front.ask("POST", "/windows/3/finish", {"ticket": ticket["id"]})


async def test_why_a_key_does_nothing_is_not_said_for_ever(front: Front) -> None:
    page = await (await front.context("/window/3", viewport=COMPACT)).new_page()
    await page.clock.install()
    await page.goto(front.address("/window/3"))
    await expect(page.locator("#call-next")).to_be_enabled()
    await press(page, "+", "没有叫号")
    await page.clock.run_for(9_000)
    await expect(page.locator("#notice")).to_have_text("")


async def test_a_failure_stands_until_the_next_press(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    for _ in range(3):
        await front.ask("POST", "/windows/2/recall", {"ticket": ticket["id"]})
    await press(page, "+", f"{ticket['number']}号已重呼3次，请过号")
    await settle(page)
    await expect(page.locator("#notice")).to_have_text(f"{ticket['number']}号已重呼3次，请过号")
    await press(page, "0", f"{ticket['number']} 开始办理")


async def test_what_was_said_of_one_ticket_does_not_hide_the_next(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    for _ in range(3):
        await front.ask("POST", "/windows/2/recall", {"ticket": ticket["id"]})
    await press(page, "+", f"{ticket['number']}号已重呼3次，请过号")
    await front.ask("POST", "/windows/2/finish", {"ticket": ticket["id"]})  # at the call box
    await expect(page.locator("#number")).to_have_text("—")
    await expect(page.locator("#notice")).to_have_text("")
    await expect(page.locator("#about")).to_have_text("等候 0 人")


# ---- sizes and languages


async def fits(page: Page) -> None:
    """All that a clerk needs for every visitor is within the window, with no scrolling either way."""
    wide, high = await page.evaluate("[innerWidth, innerHeight]")
    for name in ESSENTIAL:
        box = await page.locator(f"#{name}").bounding_box()
        assert box is not None, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= wide, name
        assert box["y"] + box["height"] <= high, name


@pytest.mark.parametrize(("size", "language"), [(COMPACT, "zh"), (BESIDE, "en")], ids=["compact", "beside"])
async def test_the_essential_fits_beside_other_programs(front: Front, size: Any, language: str) -> None:
    page = await front.open(f"/window/2?lang={language}", viewport=size)
    await expect(page.locator("#more")).to_be_visible()
    await expect(page.locator("#outcome")).to_be_hidden()
    await fits(page)
    await look(page, f"console-{size['width']}-{language}")
    await page.keyboard.press("m")
    await expect(page.locator("#outcome")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await picture(page, f"console-{size['width']}-{language}-keys")


async def test_the_console_in_english(front: Front) -> None:
    page = await front.open("/window/2")
    await page.get_by_role("link", name="EN").click()
    ticket = await issue(front)
    await expect(page.locator("#up")).to_contain_text(f"Next {ticket['number']}")
    await press(page, "Enter", f"{ticket['number']} called")
    await page.keyboard.press(".")
    await expect(page.locator("#outcomes")).to_be_visible()
    await look(page, "console-english")
    await press(page, "2", f"{ticket['number']} finished: Promised")
