"""Every page in its main states, at both of its sizes: axe-core, nothing to scroll sideways, all by keyboard.

What a page's script makes of it is held beside what it does: see `look` in the other files here. Which pages there are
is held in tests/pages/test_every_page.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, ViewportSize, expect

from edge.access.vault import open_vault
from edge.evaluation.bad_reviews import STEPS
from tests.browser_pages import Front, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Sizes = tuple[ViewportSize, ViewportSize]
DESK: Sizes = ({"width": 1280, "height": 800}, {"width": 390, "height": 844})
CONSOLE: Sizes = ({"width": 1280, "height": 800}, {"width": 400, "height": 300})
PAD: Sizes = ({"width": 1280, "height": 800}, {"width": 800, "height": 1280})
SCREEN: Sizes = ({"width": 1920, "height": 1080}, {"width": 1080, "height": 1920})
KIOSK: Sizes = ({"width": 1080, "height": 1920}, {"width": 1280, "height": 800})
PHONE: Sizes = ({"width": 390, "height": 844}, {"width": 320, "height": 568})

OPS = (
    *("", "/queue", "/replay", "/windows", "/ratings", "/ledger", "/patrol", "/bulletin", "/what-if"),
    "/devices/printer-1",
)
ATTENDANCE = ("", "/entries", "/people", "/results", "/calendar")
STAFF = (
    *("/", "/login", "/no/such/page", "/pad/99", "/desk", "/desk/bookings", "/desk/hand"),
    *(f"/ops{each}" for each in OPS),
    *(f"/ops/attendance{each}" for each in ATTENDANCE),
)
CONSOLES, PADS = (tuple(f"/{each}/{no}" for no in (1, 2, 3)) for each in ("window", "pad"))
MORNING = (
    *("/ops", "/ops/queue", "/ops/replay?day={today}&at={minute}", "/ops/replay?day={tomorrow}", "/desk"),
    *(f"/desk/tickets/{{{each}}}" for each in ("missed", "held", "finished", "called", "waiting", "cancelled")),
)
BOOKINGS = (
    "/desk/bookings?service=pension&day={tomorrow}",
    *(f"/desk/bookings/{each}" for each in ("{booking}", "{given_up}", "none")),
)
RESULTS, MONTH = "/ops/attendance/results/{publication}", "/ops/attendance/months/{month}"
PEOPLE = (
    *("/ops/attendance/entries?kind=roll_call", "/ops/attendance/entries/{entry}", "/ops/attendance/people?edit=1001"),
    *("/ops/attendance/due/weekly/{week}", MONTH, f"{MONTH}/people/1001", RESULTS, f"{RESULTS}/people/1001"),
)
SHEETS = (f"{MONTH}/report", f"{RESULTS}/report", "/screen/attendance/{publication}")
PHONES = ("/t/{waiting}", "/t/none")
PATHS = (*STAFF, *CONSOLES, *PADS, *MORNING, *BOOKINGS, *PEOPLE, *SHEETS, *PHONES, "/kiosk/1", "/screen/f1")
"""All that is swept here."""
UNFOLD = "document.querySelectorAll('details').forEach((it) => { it.open = true })"
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"
COUNT = """() => {
  const touched = "a[href], button, select, textarea, input:not([type=hidden]):not([type=radio]), summary";
  const may = [...document.querySelectorAll(touched)].filter(
    (it) => !it.disabled && it.tabIndex >= 0 && it.checkVisibility({ visibilityProperty: true }));
  globalThis.left = new Set(may);
  addEventListener("focusin", ({ target }) => left.delete(target));
  document.activeElement?.blur();
  return may.length;
}"""
LEFT = "[...left].filter((it) => it.isConnected).map((it) => it.outerHTML.slice(0, 90))"


async def faults(page: Page, path: str) -> list[str]:
    """Of the page at `path`, as it is now."""
    found = await violations(page)
    if await page.evaluate(SIDEWAYS):
        found.append("scrolls sideways")
    wide = await page.evaluate("innerWidth")
    return [f"{path} {wide}: {each}" for each in found]


async def sweep(front: Front, paths: tuple[str, ...], sizes: Sizes, **known: str) -> None:
    """Each with all that can be unfolded; `known` fills the paths."""
    found: list[str] = []
    page = await (await front.context(viewport=sizes[0])).new_page()
    for path in paths:
        await page.goto(front.address(path.format_map(known)))
        await page.evaluate(UNFOLD)
        for size in sizes:
            await page.set_viewport_size(size)
            found += await faults(page, path)
    assert found == []


def days() -> dict[str, str]:
    """Of the hall, as paths name them."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    near = {"today": 0, "tomorrow": 1, "week": -7}
    return {
        **{name: f"{now + timedelta(days=by):%Y-%m-%d}" for name, by in near.items()},
        "minute": f"{now:%H:%M}",
        "month": f"{now:%Y-%m}",
    }


@pytest.fixture(scope="module")
def busy() -> dict[str, str]:
    """Ticket ids by state, once the hall is busy."""
    return {}


async def take(front: Front, service: str) -> str:
    return str((await front.ask("POST", "/tickets", {"service": service, "channel": "desk"}))["id"])


async def call(front: Front, no: int, move: str = "") -> str:
    ticket = str((await front.ask("POST", f"/windows/{no}/call-next", {}))["ticket"]["id"])
    if move:
        await front.ask("POST", f"/windows/{no}/{move}", {"ticket": ticket})
    return ticket


async def invite(front: Front) -> None:
    """Window 1 asks for a rating, from now on: who is slow finds it over."""
    await take(front, "household")
    await call(front, 1, "finish")


async def test_before_the_first_visitor(front: Front) -> None:
    await sweep(front, STAFF, DESK)
    await sweep(front, ("/window/2", "/window/2?lang=en"), CONSOLE)
    await sweep(front, ("/pad/1",), PAD)
    await sweep(front, ("/screen/f1",), SCREEN)
    await sweep(front, ("/kiosk/1",), KIOSK)


async def test_a_booking_that_stands_and_one_given_up(front: Front) -> None:
    known = days()
    for name in ("booking", "given_up"):
        wanted = {"service": "pension", "day": known["tomorrow"], "from": "09:00", "to": "10:00", "channel": "phone"}
        known[name] = (await front.ask("POST", "/appointments", wanted))["id"]
    await front.ask("POST", f"/appointments/{known['given_up']}/cancel")
    await sweep(front, BOOKINGS, DESK, **known)


async def test_what_is_kept_of_people(front: Front) -> None:
    known = days()
    span = {"start": f"{known['today']}T09:00:00+08:00", "end": f"{known['today']}T10:00:00+08:00"}
    known["entry"] = "patrol-1"
    away = {"kind": "off_post", "ref": known["entry"], "person": "1001"} | span
    await front.ask("POST", "/attendance/entries", {"entries": [away]})
    over = {"every": "weekly", "first": known["week"]}
    known["publication"] = (await front.ask("POST", "/attendance/publications", over))["id"]
    objection = {"person": "1001", "words": "那天在二楼帮办"}
    await front.ask("POST", f"/attendance/publications/{known['publication']}/objections", objection)
    known["week"] = (await front.ask("GET", "/attendance/publications"))["due"][0]["first"]
    await sweep(front, PEOPLE, DESK, **known)
    await sweep(front, SHEETS, SCREEN, **known)


async def test_bad_reviews_at_each_step(front: Front) -> None:
    for nth in range(len(STEPS) + 1):
        await take(front, "household")
        await call(front, 1, "finish")
        review = (await front.ask("GET", "/windows/1/evaluation"))["id"]
        await front.ask(
            "POST", f"/evaluations/{review}", {"level": 1 + nth % 2, "reasons": ["208"], "comment": "等了很久"}
        )
        for step in list(STEPS)[:nth][-1:]:
            form: dict[str, str | float | bool] = {"step": step, "by": "周主任", "words": "已当面说明"}
            assert (await front.contexts[0].request.post(front.address(f"/ops/ratings/{review}"), form=form)).ok
    await sweep(front, ("/ops/ratings",), DESK)


async def test_in_the_middle_of_a_morning(front: Front, busy: dict[str, str]) -> None:
    """A rating is asked for at window 1, window 2 is paused, window 3 calls, and asks for help."""
    for state, move in (("missed", "miss"), ("held", "hold"), ("finished", "finish")):
        await take(front, "household")
        busy[state] = await call(front, 1, move)
    await front.ask("POST", "/windows/2/pause", {"sign": "away", "place": "二楼", "resume": "9:30"})
    await take(front, "pension")
    busy["called"] = await call(front, 3)
    busy["waiting"] = await take(front, "medical")
    busy["cancelled"] = await take(front, "mortgage")
    await front.ask("POST", f"/tickets/{busy['cancelled']}/cancel", {})
    await front.ask("POST", "/windows/3/alert", {"kind": "dispute", "words": "争执"})
    await front.ask("POST", "/kiosks/1/help")
    await sweep(front, MORNING, DESK, **days(), **busy)
    await sweep(front, CONSOLES, CONSOLE)
    await invite(front)
    await sweep(front, PADS, PAD)
    await sweep(front, ("/screen/f1",), SCREEN)


async def test_a_ticket_on_a_phone(front: Front, busy: dict[str, str]) -> None:
    """Each state in large type, and in English; the finished one with the key that may rate it."""
    key = open_vault(front.data).slip_key(busy["finished"])
    rates = {"finished": f"&k={key}"}
    large = [f"/t/{id_}?size=large{rates.get(state, '')}" for state, id_ in busy.items()]
    english = [f"/t/{id_}?lang=en{rates.get(state, '')}" for state, id_ in busy.items()]
    await sweep(front, (*large, *english, "/t/none"), PHONE)


@pytest.mark.parametrize(
    "path", ["/ops", "/ops/queue", "/desk", "/window/2", "/pad/1", "/t/{waiting}", "/ops/attendance"]
)
async def test_the_keyboard_gets_everywhere(front: Front, busy: dict[str, str], path: str) -> None:
    if path == "/pad/1":
        await invite(front)
    page = await front.open(path.format_map(busy), viewport=DESK[0])
    await page.wait_for_load_state("load")
    if path == "/pad/1":
        await expect(page.locator("#levels label")).to_have_count(5)
    for _ in range(2 * await page.evaluate(COUNT)):  # a date has several stops, and what scrolls is one
        await page.keyboard.press("Tab")
        if not await page.evaluate(LEFT):
            return
    pytest.fail(f"not reached: {await page.evaluate(LEFT)}")
