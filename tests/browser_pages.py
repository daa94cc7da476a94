"""A browser at the pages of a demo hall that runs in its own process: touches, pictures, and what a page may not do."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

ROOT = Path(__file__).parents[1]
FILE = ROOT / "config" / "demo.toml"
SHOTS = Path(os.environ.get("SHOTS", ROOT / "shots"))
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    # The two pages behind each window's address bar cost as much as the page that is looked at.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding",
]
SIZES = {
    "kiosk": (1080, 1920),
    "window": (1280, 800),
    "pad": (1280, 800),
    "screen": (1920, 1080),
    "ops": (1920, 1080),
    "t": (390, 844),
}
"""The usual panel of each page, by the first word of its path; what is not here gets 1280 x 800."""
VISITORS = ("kiosk", "pad", "screen", "t")
PATIENCE_MS = 12_000
"""How long a page may take to follow the hall; only a hall that never follows waits so long."""

expect.set_options(timeout=PATIENCE_MS)


def ports_beside(text: str) -> tuple[int, ...]:
    """The N of every `{port+N}` of a hall file."""
    return tuple(sorted({int(each) for each in re.findall(r"\{port\+(\d+)\}", text)}))


@dataclass  # no slots: Playwright keeps its wrapper of a bound listener on the object
class Front:
    """Everything that people touch. `faults` gathers what no page may do: script errors, and requests to elsewhere."""

    browser: Browser
    port: int
    data: Path
    """The hall's data folder."""
    faults: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def context(self, path: str = "", **options: Any) -> BrowserContext:
        """A machine of its own, as wide and high as this page's usual panel; its user wants nothing to move."""
        width, height = SIZES.get(path.strip("/").partition("/")[0], (1280, 800))
        usual = {"viewport": {"width": width, "height": height}, "locale": "zh-CN", "reduced_motion": "reduce"}
        made = await self.browser.new_context(**usual | options)
        made.set_default_timeout(PATIENCE_MS)
        made.on("console", self._heard)
        made.on("weberror", lambda error: self.faults.append(f"{error.page and error.page.url}: {error.error}"))
        made.on("request", self._asked)
        self.contexts.append(made)
        return made

    async def open(self, path: str, **options: Any) -> Page:
        page = await (await self.context(path, **options)).new_page()
        await page.goto(self.address(path))
        return page

    async def devices(self) -> Page:
        """The page of the simulated devices."""
        page = await (await self.context(viewport={"width": 1600, "height": 1400})).new_page()
        await page.goto(f"http://127.0.0.1:{self.port + 1}/")
        return page

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The service's JSON answer, or None; for what a test needs besides touches."""
        request = (self.contexts or [await self.context()])[0].request
        answer = await request.fetch(self.address("/api/v1" + path), method=method, data=body)
        assert answer.ok, await answer.text()
        return await answer.json() if answer.status != 204 else None

    async def close(self, kept: int = 0) -> None:
        """Closes all machines but the first `kept`."""
        while len(self.contexts) > kept:
            context = self.contexts.pop()
            await context.unroute_all(behavior="wait")
            await context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        # An answer of 4xx or 5xx is written there by the browser itself; the pages tell people about it.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"{message.page and message.page.url}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self.faults.append(f"asked {request.url}")


# ---- the simulated devices on their page


def card(devices: Page, name: str) -> Locator:
    """The card of the device with this name."""
    return devices.locator("article", has=devices.get_by_role("heading", name=name, exact=True))


async def press(devices: Page, device: str, control: str) -> None:
    """Presses a key of a simulated device, by the control's name such as `call:3`."""
    await card(devices, device).locator(f'button[data-name="{control}"]').click()


async def drawn(devices: Page, device: str) -> str:
    """The words on the picture of a device, as its card shows it now."""
    image = card(devices, device).locator("img")
    svg: str = await image.evaluate("async (image) => (await fetch(image.src)).text()")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", svg)).strip()


async def settle(page: Page) -> None:
    """Waits as long as a page takes two presses for one (0.7 s)."""
    await page.wait_for_timeout(750)


# ---- looking


async def picture(page: Page, name: str) -> None:
    """Leaves `<name>.png` of what the page shows now, for people to look at."""
    await page.screenshot(path=SHOTS / f"{name}.png")


async def look(page: Page, name: str) -> None:
    """Leaves a picture, and holds what the page shows now to WCAG 2.2 AA; what visitors read also to contrast 7:1.

    Where nothing is to move, nothing does.
    """
    await picture(page, name)
    assert await violations(page) == [], name
    assert await page.evaluate(MOVES) is False, name


AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
MOVES = "matchMedia('(prefers-reduced-motion: reduce)').matches && document.getAnimations().length > 0"
RUN = "async (options) => (await axe.run(document, options)).violations"


async def violations(page: Page) -> list[str]:
    """What axe-core finds: rule, place and reason, a line each."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(AXE)
    found: list[Mapping[str, Any]] = await page.evaluate(RUN, _options(page.url))
    lines = [(rule["id"], node["target"], node["failureSummary"]) for rule in found for node in rule["nodes"]]
    return [f"{rule} {target}: {why}" for rule, target, why in lines]


def _options(url: str) -> dict[str, Any]:
    visitor = url.split("/")[3] in VISITORS
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    rules = {"color-contrast-enhanced": {"enabled": visitor}, "target-size": {"enabled": True}}
    return {"runOnly": {"type": "tag", "values": tags}, "rules": rules, "resultTypes": ["violations"]}
