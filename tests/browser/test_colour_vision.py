"""States are told apart by who sees few colours: their plates by lightness, their signs by shape.

What the eyes of protanopes, deuteranopes and tritanopes make of a picture: Machado, Oliveira and Fernandes 2009, at
full severity, on linear RGB.
"""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Locator, expect

from edge.pages.ops_shapes import PATHS
from tests.browser_pages import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

Light = npt.NDArray[np.float64]
EYES = {
    "all": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
SEVERITIES = ("ok", "warn", "bad", "none")
WINDOWS = ("idle", "called", "serving", "paused", "offline", "none")
SIGNS = """(paths) => document.getElementById("main").prepend(...Object.entries(paths).map(([state, path]) => {
  const sign = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawn.setAttribute("d", path);
  sign.setAttribute("viewBox", "0 0 24 24");
  sign.setAttribute("class", `shape ${state}`);
  sign.id = `sign-${state}`;
  sign.style.fontSize = "32px";
  sign.append(drawn);
  return sign;
}))"""
"""The sign of each state, as the page draws them, all at once."""
SIGN_PX = 32
APART = 0.06
"""Of the points of a sign's square; a quarter of a disc is 0.09."""


async def picture(place: Locator) -> Light:
    """Linear RGB, 0 to 1, height x width x 3."""
    shot = Image.open(io.BytesIO(await place.screenshot(animations="disabled", scale="css"))).convert("RGB")
    values = np.asarray(shot, float) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(light: Light, eye: str) -> Light:
    """The luminance of each point as such an eye sees it."""
    simulated: Light = np.clip(light @ EYES[eye].T, 0, 1) @ LUMINANCE
    return simulated


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def fill(luminance: Light) -> float:
    """Of the plate: what most of its points have."""
    values, counts = np.unique(luminance.round(3), return_counts=True)
    return float(values[counts.argmax()])


def words(luminance: Light) -> float:
    """What stands out most from the plate."""
    return max(float(luminance.min()), float(luminance.max()), key=lambda each: contrast(each, fill(luminance)))


def outline(light: Light, eye: str) -> npt.NDArray[np.bool_]:
    """The points that stand out from the sign's corner."""
    luminance = seen(light, eye)[:SIGN_PX, :SIGN_PX]
    back = luminance[0, 0]
    ratio = (np.maximum(luminance, back) + 0.05) / (np.minimum(luminance, back) + 0.05)
    return np.asarray(ratio >= 3)


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def ticket(hall: Front) -> str:
    """Called at window 3. Somebody at 1 wants help, and that at 2 somebody has taken up."""
    for no in (1, 2):
        alert = await hall.ask("POST", f"/windows/{no}/alert", {"kind": "help"})
    await hall.ask("POST", f"/alerts/{alert['id']}/acknowledge", {"by": "王主任"})
    await hall.ask("POST", "/tickets", {"service": "pension", "channel": "desk"})
    return str((await hall.ask("POST", "/windows/3/call-next", {}))["ticket"]["id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_ops_is_read_without_colours(front: Front, scheme: str) -> None:
    context = await front.context("/ops", color_scheme=scheme)
    await context.route("**/ops/now", lambda route: route.abort())  # so that it stands still
    page = await context.new_page()
    await page.goto(front.address("/ops"))
    plates = {each: page.locator(f'[data-severity="{each}"] .severity').first for each in ("bad", "warn")}
    for each in plates.values():
        await expect(each).to_be_visible()
    pictures = {name: await picture(each) for name, each in plates.items()}
    await page.evaluate(SIGNS, PATHS)
    signs = {state: await picture(page.locator(f"#sign-{state}")) for state in PATHS}
    for eye in EYES:
        bad, warn = (seen(pictures[name], eye) for name in ("bad", "warn"))
        assert contrast(fill(bad), words(bad)) >= 4.5, eye
        assert contrast(fill(warn), words(warn)) >= 4.5, eye
        if scheme == "light":
            assert contrast(fill(bad), fill(warn)) >= 3, eye
        for family in (SEVERITIES, WINDOWS):
            told = {state: outline(signs[state], eye) for state in family}
            for one, other in combinations(told, 2):
                apart = np.mean(told[one] ^ told[other])
                assert apart >= APART, f"{one} and {other} look alike: {eye}, {scheme}"


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_who_is_called_stands_out_on_the_hall_screen(front: Front, ticket: str, theme: str) -> None:
    """By its fill or its frame from the ground, and its words from its fill."""
    page = await front.open("/screen/f1")
    await expect(page.locator(".leaf")).to_be_visible()
    await page.route("**/leaf?*", lambda route: route.abort())
    await page.evaluate("(theme) => (document.getElementById('told').dataset.theme = theme)", theme)
    await front.ask("POST", "/windows/3/recall", {"ticket": ticket})
    await expect(page.locator("#band.calling")).to_be_visible()
    band, header = await picture(page.locator("#band .call")), await picture(page.locator("header"))
    for eye in EYES:
        plate, ground = seen(band, eye), fill(seen(header, eye))
        assert contrast(fill(plate), words(plate)) >= 7, eye
        assert max(contrast(each, ground) for each in (fill(plate), plate[len(plate) // 2, 2])) >= 3, eye
