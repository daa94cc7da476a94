"""The kiosk under unsteady, short, slow and absent-minded hands, and without a mouse or a network."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from itertools import combinations
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser_pages import Front, look, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = {"name": "国有建设用地使用权及房屋所有权转移登记", "name_en": "Transfer of land use rights and home ownership"}
"""As long as names of services are in a real hall's list."""
BUSY = {"words": "约0.5到2.5小时", "words_en": "about 25 to 60 minutes"}
TALL, WIDE = {"width": 1080, "height": 1920}, {"width": 1280, "height": 800}
SMALLEST, GAP = 88, 24
CONTROLS = """() => [...document.querySelectorAll("main:not([hidden]) button")]
  .filter((each) => each.getClientRects().length)
  .map((each) => {
    const { left, top, right, bottom } = each.getBoundingClientRect();
    const cut = each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1;
    return { name: each.id || each.dataset.service, left, top, right, bottom, cut };
  })"""
"""Every button that can be seen, in CSS px."""


# ---- shape


def misplaced(controls: list[dict[str, Any]], size: dict[str, int]) -> list[str]:
    """Controls that are too small, too high up, too close to another, or not wholly to be seen."""
    reach = 800 if size == TALL else size["height"] / 3
    found = []
    for each in controls:
        wide, high = each["right"] - each["left"], each["bottom"] - each["top"]
        if min(wide, high) < SMALLEST:
            found.append(f"{each['name']} is {wide:.0f} x {high:.0f}")
        if each["top"] < reach:
            found.append(f"{each['name']} begins at {each['top']:.0f}")
        if each["left"] < 0 or each["right"] > size["width"] or each["bottom"] > size["height"]:
            found.append(f"{each['name']} stands out of the panel")
        if each["cut"]:
            found.append(f"{each['name']} is cut off")
    return found + [f"{a['name']} touches {b['name']}" for a, b in combinations(controls, 2) if gap(a, b) < GAP - 0.5]


def gap(a: dict[str, Any], b: dict[str, Any]) -> float:
    return float(max(b["left"] - a["right"], a["left"] - b["right"], b["top"] - a["bottom"], a["top"] - b["bottom"]))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"right": 180}, "a is 80 x 100"),
        ({"top": 790}, "a begins at 790"),
        ({"left": -1}, "a stands out of the panel"),
        ({"cut": True}, "a is cut off"),
        ({"right": 580}, "a touches b"),
    ],
)
async def test_a_misplaced_control_is_found(change: dict[str, Any], fault: str) -> None:
    a = {"name": "a", "left": 100, "right": 500, "top": 900, "bottom": 1000, "cut": False}
    b = {"name": "b", "left": 600, "right": 1000, "top": 900, "bottom": 1000, "cut": False}
    assert misplaced([a, b], TALL) == []
    assert misplaced([a | change, b], TALL) == [fault]


async def many_long_names(route: Route) -> None:
    """The menu of a hall with more services than one screen holds, each with a long name and a long wait."""
    answer = await route.fetch()
    menu = await answer.json()
    for unit in menu["units"]:
        unit["services"] = [
            each | LONG | {"id": f"{each['id']}{n}", "waiting": 12, "estimate": each["estimate"] | BUSY}
            for each in unit["services"]
            for n in range(4)
        ]
    await route.fulfill(response=answer, json=menu)


async def as_it_comes(page: Page) -> None:
    pass


async def in_large_type(page: Page) -> None:
    await page.locator("#big").click()


async def after_help(page: Page) -> None:
    await page.locator('#choose [data-does="help"]').click()
    await expect(page.locator("#notice")).to_have_text("The staff have been told. Please wait here")


async def back_from_elsewhere(page: Page) -> None:
    """Meanwhile the menu was drawn anew, where it has no size."""
    await page.locator("#claim").click()
    await expect(page.locator("#reasons")).to_be_visible()
    async with page.expect_response("**/api/v1/services"):
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    await settle(page)
    await page.locator('#reasons [data-does="back"]').click()
    await expect(page.locator("#choose")).to_be_visible()
    await settle(page)


async def in_english(page: Page) -> None:
    await page.locator("#language").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")


async def open_first_unit(page: Page, size: dict[str, int]) -> None:
    """A large hall: unit, service, number are the three touches."""
    await expect(page.locator("#tiles [data-unit]")).to_have_count(3)
    await expect(page.locator("#turn")).to_be_hidden()
    name = f"kiosk-units-{size['height']}"
    await look(page, name)
    assert misplaced(await page.evaluate(CONTROLS), size) == [], name
    await page.locator('[data-unit="rs"]').dblclick()
    await expect(page.locator("#tiles [data-service]")).to_have_count(6)
    await settle(page)
    await page.locator("#previous").click()
    await settle(page)
    await page.locator('[data-unit="ga"]').click()
    await expect(page.locator("#page")).to_have_text("1 / 2")
    await settle(page)


@pytest.mark.parametrize(("size", "many"), [(TALL, False), (TALL, True), (WIDE, True)], ids=["demo", "long", "wide"])
async def test_controls_are_large_apart_and_in_reach(front: Front, size: dict[str, int], many: bool) -> None:
    context = await front.context("/kiosk/1", viewport=size)
    if many:
        await context.route("**/api/v1/services", many_long_names)
    page = await context.new_page()
    await page.goto(front.address("/kiosk/1"))
    if many:
        await open_first_unit(page, size)
    await expect(page.locator("#tiles .tile")).to_have_count(6)
    states: list[Callable[[Page], Awaitable[None]]] = [
        as_it_comes,
        in_large_type,
        in_english,
        back_from_elsewhere,
        after_help,
    ]
    for change in states:
        await change(page)
        name = f"kiosk-{'long' if many else 'demo'}-{size['height']}-{change.__name__}"
        await look(page, name)
        assert misplaced(await page.evaluate(CONTROLS), size) == [], name


@pytest.mark.parametrize("size", [TALL, WIDE], ids=["tall", "wide"])
async def test_the_number_page_too(front: Front, size: dict[str, int]) -> None:
    page = await front.open("/kiosk/1", viewport=size)
    await in_large_type(page)
    await page.locator('[data-service="medical"]').click()
    await expect(page.locator("#print")).to_have_attribute("data-print", "printed")
    await expect(page.locator("#service")).to_be_visible()
    await look(page, f"kiosk-number-{size['height']}")
    assert misplaced(await page.evaluate(CONTROLS), size) == []


# ---- hands

PRESS_DONE_AT_ONCE = """() => {
  const result = document.getElementById("result");
  new MutationObserver((_, watch) => {
    watch.disconnect();
    document.getElementById("done").click();
    result.dataset.pressed = "yes";
  }).observe(result, { attributes: true });
}"""
"""As a second touch does that falls on what has just appeared."""


async def test_a_trembling_hand_takes_one_number(front: Front) -> None:
    page = await front.open("/kiosk/1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    await page.evaluate(PRESS_DONE_AT_ONCE)
    await page.locator('[data-service="household"]').dblclick()
    await expect(page.locator("#number")).to_have_text(re.compile(r"^F\d{3}$"))
    await expect(page.locator("#result")).to_have_attribute("data-pressed", "yes")
    await expect(page.locator("#result")).to_be_visible()
    assert len(asked) == 1


@pytest.mark.parametrize(("slip", "pressed"), [((45, 20), True), ((0, -400), False)], ids=["on it", "off it"])
async def test_a_finger_that_slips_on_a_button_has_pressed_it(
    front: Front, slip: tuple[int, int], pressed: bool
) -> None:
    """The browser takes what moves more than 15 px for no touch: on a small panel that is 4 mm."""
    page = await front.open("/kiosk/1", has_touch=True)
    box = await page.locator("#claim").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = await page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.0), ("touchMove", 0.5), ("touchMove", 1.0), ("touchEnd", None)):
        points = [] if share is None else [{"x": x + slip[0] * share, "y": y + slip[1] * share}]
        await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    await settle(page)
    await expect(page.locator("#reasons")).to_be_visible(visible=pressed)


async def test_a_number_can_be_taken_with_the_keyboard_alone(front: Front) -> None:
    page = await front.open("/kiosk/1")
    await expect(page.locator("#tiles .tile")).to_have_count(6)
    await page.keyboard.press("Tab")
    await expect(page.locator('[data-service="pension"]')).to_be_focused()
    await look(page, "kiosk-focus")
    await page.keyboard.press("Enter")
    await expect(page.locator("#number")).to_have_text(re.compile(r"^A\d{3}$"))
    await expect(page.locator("#done")).to_be_focused()
    await settle(page)
    await page.keyboard.press("Enter")
    await expect(page.locator("#choose")).to_be_visible()


# ---- time


LAST_ANSWER = """
const ask = window.fetch;
window.fetch = (...what) => {
  const answer = ask(...what);
  if (String(what[0]).includes("/card?")) return answer;
  window.lastAnswer = answer.then((got) => got.clone().text()).catch(() => null);
  return answer;
};
"""


async def time_passes(page: Page, seconds: int) -> None:
    """In steps, as the service needs real time to answer and the page gives up an answer after 5 s."""
    for _ in range(0, seconds, 3):
        await page.clock.run_for(3_000)
        await page.evaluate("window.lastAnswer")


async def test_nobody_there(front: Front) -> None:
    """After a minute the page asks; with an answer it stays, without one every trace of the visitor goes."""
    page = await (await front.context("/kiosk/1")).new_page()
    await page.add_init_script(LAST_ANSWER)
    await page.clock.install()
    await page.goto(front.address("/kiosk/1"))
    await in_english(page)
    await time_passes(page, 62)
    await expect(page.locator("#more-time")).to_have_text("Do you need more time?")
    await look(page, "kiosk-idle")
    assert misplaced(await page.evaluate(CONTROLS), TALL) == []
    await page.locator("#stay").click()
    await expect(page.locator("#choose")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await time_passes(page, 62)
    await expect(page.locator("#ask")).to_be_visible()
    await time_passes(page, 22)
    await expect(page.locator("#choose")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


async def test_the_network_goes_and_comes_back(front: Front) -> None:
    context = await front.context("/kiosk/1")
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address("/kiosk/1"))
    await expect(page.locator("#tiles .tile")).to_have_count(6)
    await context.set_offline(True)
    await page.clock.fast_forward(20_000)
    await expect(page.locator("#down")).to_be_visible()
    await look(page, "kiosk-down")
    await context.set_offline(False)
    await page.clock.fast_forward(5_000)
    await expect(page.locator("#choose")).to_be_visible()


# ---- in English


async def closed(route: Route) -> None:
    answer = await route.fetch()
    menu = await answer.json()
    for each in (each for unit in menu["units"] for each in unit["services"]):
        each |= {"open": False, "why": "下午14:30继续", "why_en": "Goes on at 14:30"}
    await route.fulfill(response=answer, json=menu)


@pytest.mark.parametrize(("english", "why"), [(False, "下午14:30继续"), (True, "Goes on at 14:30")])
async def test_a_tile_says_why_there_is_no_number_and_nothing_more(front: Front, english: bool, why: str) -> None:
    context = await front.context("/kiosk/1")
    await context.route("**/api/v1/services", closed)
    page = await context.new_page()
    await page.goto(front.address("/kiosk/1"))
    await expect(page.locator("#tiles .tile")).to_have_count(6)
    if english:
        await page.locator("#language").click()
    parts = page.locator("#tiles .tile").first.locator(".part")
    assert (await parts.all_inner_texts())[2:] == [why, ""]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"status": 409, "json": {"title": "今天养老保险的号已取完", "title_en": "No more numbers today"}},
            "No more numbers today",
        ),
        ({"status": 502, "body": "<html>"}, "Not possible now. Please ask at the help desk"),
    ],
)
async def test_who_reads_english_is_refused_in_english(front: Front, answer: dict[str, Any], words: str) -> None:
    context = await front.context("/kiosk/1")
    await context.route("**/api/v1/tickets", lambda route: route.fulfill(**answer))
    page = await context.new_page()
    await page.goto(front.address("/kiosk/1"))
    await page.locator("#language").click()
    await settle(page)
    await page.locator("#tiles .tile").first.click()
    await expect(page.locator("#choose .notice")).to_have_text(words)
