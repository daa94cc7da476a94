"""What people have set in their system holds on every page: colours of their own, more contrast, nothing that moves."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser_pages import AXE, MOVES, Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHAPES = """
const rgb = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
const clear = (colour) => colour === "none" || rgb(colour)[3] === 0;
const light = (colour) => rgb(colour).slice(0, 3)
  .map((each) => each / 255).map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
  .reduce((sum, each, nth) => sum + each * [0.2126, 0.7152, 0.0722][nth], 0.05);
globalThis.contrast = (one, two) => Math.max(light(one) / light(two), light(two) / light(one));
globalThis.behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const { backgroundColor } = getComputedStyle(at);
    if (!clear(backgroundColor)) return backgroundColor;
  }
  return "rgb(255, 255, 255)";
};
globalThis.seen = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0;
globalThis.which = (node) => `${node.closest("[id]")?.id} ${node.outerHTML.slice(0, 90)}`;
const edged = (node, look = getComputedStyle(node)) => ["Top", "Right", "Bottom", "Left"].every((side) =>
  look[`border${side}Style`] !== "none" && parseFloat(look[`border${side}Width`]) >= 1 &&
  contrast(look[`border${side}Color`], behind(node.parentElement)) >= 3);
const CONTROLS =
  "button, .button, select, textarea, .levels label, input:not([type=hidden], [type=radio], [type=checkbox])";
globalThis.controls = () => [...document.querySelectorAll(CONTROLS)].filter(seen);
globalThis.lost = () => {
  const found = controls().filter((node) => !edged(node)).map((node) => "no border: " + which(node));
  for (const node of document.querySelectorAll("svg :is(path, rect, circle, polyline, polygon, line)")) {
    if (!seen(node) || node.closest("defs, pattern")) continue;
    const { fill, stroke } = getComputedStyle(node);
    const drawn = [fill, stroke].filter((each) => !clear(each) && !each.startsWith("url"));
    const back = behind(node.ownerSVGElement);
    if (drawn.length && drawn.every((each) => contrast(each, back) < 3)) found.push(`not seen: ${which(node)}`);
  }
  return found;
};
globalThis.bare = (node) => !node.childNodes.length && !(node instanceof SVGElement) &&
  !node.matches("input, select, textarea, iframe, img, link, meta, script") && seen(node);
null;
"""
PAINTED = """() => {
  const marks = [...document.querySelectorAll("body *")].filter(bare);
  const filled = (node) => contrast(behind(node), behind(node.parentElement)) > 1.1;
  marks.filter(filled).forEach((node) => (node.dataset.mark = ""));
}"""
"""Marks what is nothing but a filled shape."""
UNPAINTED = """() => [...document.querySelectorAll("[data-mark]")].filter(bare).filter((node) => {
  const { borderTopColor, borderTopStyle } = getComputedStyle(node);
  const back = behind(node.parentElement);
  return contrast(behind(node), back) < 3 && (borderTopStyle === "none" || contrast(borderTopColor, back) < 3);
}).map((node) => "filled only: " + which(node))"""
UNFOCUSED = """() => {
  const open = document.querySelector("dialog[open]") ?? document;
  const may = "a[href], button:enabled, select, textarea, input:not([type=hidden]), summary";
  return [...open.querySelectorAll(may)].filter(seen).filter((node) => {
    node.focus();
    const shown = [node, node.closest("label")].filter(Boolean).map((each) => getComputedStyle(each));
    const lines = shown.map((it) => (it.outlineStyle === "none" ? "" : it.outlineColor));
    if (node instanceof SVGElement) lines.push(getComputedStyle(node.querySelector("rect")).stroke);
    return !lines.some((each) => each && each !== "none" && contrast(each, behind(node.parentElement)) >= 3);
  }).map((node) => "focus not seen: " + which(node));
}"""
PLATE = "(node) => contrast(behind(node), behind(node.parentElement))"
FAINT = """async () => {
  const edge = (node) => getComputedStyle(node).borderTopColor;
  const faint = controls().filter((node) => contrast(edge(node), behind(node.parentElement)) < 7);
  const rules = await axe.run(document, { runOnly: ["color-contrast-enhanced"] });
  return [...faint.map((node) => "border: " + which(node)),
    ...rules.violations.flatMap((each) => each.nodes).map((each) => each.html.slice(0, 90) + each.any[0].message)];
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def ticket(hall: Front) -> str:
    """Window 1 asks for a rating, 2 is paused and 3 calls this ticket; somebody at 2 wants help."""
    await hall.ask("POST", "/tickets", {"service": "household", "channel": "desk"})
    first = (await hall.ask("POST", "/windows/1/call-next", {}))["ticket"]
    await hall.ask("POST", "/windows/1/finish", {"ticket": first["id"]})
    await hall.ask("POST", "/windows/2/pause", {"sign": "away", "place": "二楼", "resume": "9:30"})
    for _ in range(2):
        await hall.ask("POST", "/tickets", {"service": "pension", "channel": "desk"})
    called = (await hall.ask("POST", "/windows/3/call-next", {}))["ticket"]
    await hall.ask("POST", "/windows/2/alert", {"kind": "help"})
    return str(called["id"])


async def choose(_front: Front, page: Page, _ticket: str) -> None:
    await page.locator(".tile").first.click()
    await expect(page.locator("#number")).not_to_be_empty()
    await expect(page.locator("#result")).to_be_visible()


async def call_again(front: Front, page: Page, ticket: str) -> None:
    await expect(page.locator(".leaf")).to_be_visible()
    await front.ask("POST", "/windows/3/recall", {"ticket": ticket})
    await expect(page.locator("#band.calling")).to_be_visible()


PAGES: tuple[tuple[str, str, Any], ...] = (
    ("/kiosk/1", ".tile", None),
    ("/kiosk/1", ".tile", choose),
    ("/window/2", "#sign-paused:not(:empty)", None),
    ("/window/3", "#sign-paused:not(:empty)", None),
    ("/pad/1", "#levels", None),
    ("/pad/3", "#idle", None),
    ("/screen/f1", ".leaf", call_again),
    ("/ops", ".problems li", None),
    ("/ops/queue", ".chart", None),
    ("/ops/ratings", "main", None),
    ("/ops/devices/printer-1", ".strip", None),
    ("/desk", "#main", None),
    ("/t/{ticket}", ".number", None),
)


async def lost(page: Page) -> list[str]:
    """What can't be seen, or moves, whether the reader's colours are light or dark."""
    await page.evaluate(SHAPES)
    await page.evaluate(PAINTED)
    found: list[str] = []
    for scheme in ("light", "dark"):
        await page.emulate_media(forced_colors="active", color_scheme=scheme, reduced_motion="reduce")
        await page.keyboard.press("Tab")
        faults = [*await page.evaluate("lost()"), *await page.evaluate(UNPAINTED), *await page.evaluate(UNFOCUSED)]
        found += [f"{scheme}: {each}" for each in faults]
    if await page.evaluate(MOVES):
        found.append("moves")
    return found


async def faint(page: Page) -> list[str]:
    """What stays below 7:1 where the reader asks for more contrast."""
    await page.emulate_media(forced_colors="none", color_scheme="light", contrast="more")
    await page.evaluate(AXE)
    return [f"more contrast: {each}" for each in await page.evaluate(FAINT)]


async def test_what_its_reader_has_set_holds_on_every_page(front: Front, ticket: str) -> None:
    found: list[str] = []
    for path, there, act in PAGES:
        page = await front.open(path.format(ticket=ticket))
        await expect(page.locator(there).first).to_be_visible()
        if act:
            await act(front, page, ticket)
        found += [f"{path} {each}" for each in [*await lost(page), *await faint(page)]]
        await front.close(1)
    assert "\n".join(found) == ""


@pytest.mark.parametrize(("path", "plate"), [("/screen/f1", ".calling .call"), ("/t/{ticket}", "#state")])
async def test_who_is_called_stands_out_in_every_palette(front: Front, ticket: str, path: str, plate: str) -> None:
    page = await front.open(path.format(ticket=ticket), forced_colors="active")
    if plate.startswith(".calling"):
        await call_again(front, page, ticket)
    await page.evaluate(SHAPES)
    for scheme in ("light", "dark"):
        await page.emulate_media(forced_colors="active", color_scheme=scheme)
        assert await page.locator(plate).first.evaluate(PLATE) >= 3
