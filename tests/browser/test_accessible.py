"""Every page in its main states, at both of its sizes: axe-core, nothing to scroll sideways, all by keyboard.

The kiosk's own states are in test_kiosk.py and test_kiosk_card.py.
"""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize

from edge.access.vault import open_vault
from tests.browser_pages import Front, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Sizes = tuple[ViewportSize, ViewportSize]
DESK: Sizes = ({"width": 1280, "height": 800}, {"width": 390, "height": 844})
CONSOLE: Sizes = ({"width": 1280, "height": 800}, {"width": 400, "height": 300})
PAD: Sizes = ({"width": 1280, "height": 800}, {"width": 800, "height": 1280})
SCREEN: Sizes = ({"width": 1920, "height": 1080}, {"width": 1080, "height": 1920})
PHONE: Sizes = ({"width": 390, "height": 844}, {"width": 320, "height": 568})

OPS = ("", "/queue", "/ratings", "/ledger", "/patrol", "/bulletin", "/what-if", "/devices/printer-1")
ATTENDANCE = ("", "/entries", "/people", "/results", "/calendar")
STAFF = (
    "/",
    "/login",
    "/desk",
    "/desk/bookings",
    "/desk/hand",
    "/pad/99",
    *(f"/ops{each}" for each in OPS),
    *(f"/ops/attendance{each}" for each in ATTENDANCE),
)
WINDOWS = (1, 2, 3)
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
LEFT = "[...left].map((it) => it.outerHTML.slice(0, 90))"


async def faults(page: Page, path: str) -> list[str]:
    """Of the page at `path`, as it is now."""
    found = await violations(page)
    if await page.evaluate(SIDEWAYS):
        found.append("scrolls sideways")
    wide = await page.evaluate("innerWidth")
    return [f"{path} {wide}: {each}" for each in found]


async def sweep(front: Front, paths: tuple[str, ...], sizes: Sizes) -> None:
    found: list[str] = []
    page = await front.open(paths[0], viewport=sizes[0])
    for path in paths:
        await page.goto(front.address(path))
        for size in sizes:
            await page.set_viewport_size(size)
            found += await faults(page, path)
    assert found == []


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


async def test_before_the_first_visitor(front: Front) -> None:
    await sweep(front, STAFF, DESK)
    await sweep(front, ("/window/2", "/window/2?lang=en"), CONSOLE)
    await sweep(front, ("/pad/1",), PAD)
    await sweep(front, ("/screen/f1",), SCREEN)


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
    await sweep(front, ("/ops", "/ops/queue", "/desk", *(f"/desk/tickets/{each}" for each in busy.values())), DESK)
    await sweep(front, tuple(f"/window/{no}" for no in WINDOWS), CONSOLE)
    await sweep(front, tuple(f"/pad/{no}" for no in WINDOWS), PAD)
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
    page = await front.open(path.format_map(busy), viewport=DESK[0])
    await page.wait_for_load_state("load")
    for _ in range(2 * await page.evaluate(COUNT)):  # a date has several stops, and what scrolls is one
        await page.keyboard.press("Tab")
        if await page.evaluate("left.size") == 0:
            return
    pytest.fail(f"not reached: {await page.evaluate(LEFT)}")
