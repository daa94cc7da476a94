"""The hall screen and the pad over time: emergencies, turning leaves, long rushes, and a visitor who walks off."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Page, expect

from tests.browser_pages import Front, look, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")
TALL = {"width": 1080, "height": 1920}
STANDING_PAD = {"width": 800, "height": 1280}
OUTSIDE = """() => [...document.querySelectorAll("header > *, .call > *, .leaf > *, .words")].filter((node) => {
  const box = node.getBoundingClientRect(), around = node.parentNode.getBoundingClientRect();
  const wide = box.left < around.left - 1 || box.right > around.right + 1 || box.right > innerWidth;
  return box.width && (wide || box.top < around.top - 2 || box.bottom > Math.min(around.bottom, innerHeight) + 2);
}).map((node) => node.textContent)"""
"""What sticks out of the panel, or of what it stands in."""
RUSH = """async (calls) => {
  const { add, admit } = await import("/static/band.js");
  let band = [];
  for (let n = 0; n < calls; n++) {
    band = add(band, { number: `A${n % 12}`, window: n % 4 }, n * 4000, 3);
    band = admit(band, n * 4000 + 1000, 3);
  }
  return band.length;
}"""


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _free_windows(front: Front) -> AsyncIterator[None]:
    """What a test leaves at the windows is no other test's business."""
    yield
    for each in (await front.ask("GET", "/windows"))["windows"]:
        if each["ticket"] is not None:
            await finish(front, each["no"], each["ticket"]["id"])


async def call(front: Front, no: int, service: str) -> str:
    await front.ask("POST", "/tickets", {"service": service, "channel": "desk"})
    return str((await front.ask("POST", f"/windows/{no}/call-next", {}))["ticket"]["id"])


async def finish(front: Front, no: int, ticket: str, rated: bool = False) -> None:
    """Unless it is to be `rated`, nobody is asked any more."""
    await front.ask("POST", f"/windows/{no}/finish", {"ticket": ticket})
    if not rated:
        open_ = await front.ask("GET", f"/windows/{no}/evaluation")
        await front.ask("POST", f"/evaluations/{open_['id']}/decline", {})


async def approved(front: Front, title: str, text: str) -> str:
    day = "2026-01-01"
    body = {"kind": "notice", "title": title, "text": text, "first": day, "by": "李文"}
    entry = str((await front.ask("POST", "/bulletin", body))["id"])
    await front.ask("POST", f"/bulletin/{entry}/approve", {"version": 1, "by": "王芳"})
    return entry


@pytest.mark.req("DISP-18")
async def test_an_emergency_comes_over_everything_and_goes_again(front: Front) -> None:
    lying, tall = await front.open("/screen/f1"), await front.open("/screen/f1", viewport=TALL)
    await expect(lying.locator(".leaf")).to_be_visible()
    set_ = await front.ask("POST", "/emergencies", {"text": "请听从工作人员引导，从东门离开", "by": "周主任"})
    for page in (lying, tall):
        await expect(page.locator(".emergency")).to_contain_text("从东门离开")
        width, height = await page.evaluate("[innerWidth, innerHeight]")
        box = await page.locator(".emergency").bounding_box()
        assert box == {"x": 0, "y": 0, "width": width, "height": height}
    await look(lying, "screen-emergency")
    await lying.reload()
    await expect(lying.locator(".emergency")).to_contain_text("从东门离开")
    await front.ask("POST", f"/emergencies/{set_['id']}/clear", {"by": "周主任"})
    for page in (lying, tall):
        await expect(page.locator(".emergency")).to_have_count(0)


@pytest.mark.req("DISP-12", "DISP-14")
async def test_leaves_turn_but_not_while_a_call_is_lit(front: Front) -> None:
    entry = await approved(front, "停电通知", "3月5日停电，请改日办理。")
    context = await front.context("/screen/f1")
    page = await context.new_page()
    await page.clock.install()
    await page.goto(front.address("/screen/f1"))
    await expect(page.locator(".leaf")).to_contain_text("现在等候")
    await page.clock.fast_forward(13_000)
    await expect(page.locator(".leaf")).to_contain_text("停电通知")
    await call(front, 1, "household")
    await expect(page.locator(".calling")).to_be_visible()
    await expect(page.locator(".leaf")).to_contain_text("停电通知")
    await look(page, "screen-notice")
    await front.ask("POST", f"/bulletin/{entry}/withdraw", {"by": "周主任"})
    await expect(page.locator(".leaf")).not_to_contain_text("停电通知")


async def test_who_waits_is_fresh_and_turns_in_its_time(front: Front) -> None:
    """A full leaf turns as if nobody had come, but shows at once who did."""
    entry = await approved(front, "开放日", "周六办事大厅开放日，欢迎参观。")
    page = await (await front.context("/screen/f1")).new_page()
    await page.clock.install()
    await page.goto(front.address("/screen/f1"))
    leaf = page.locator(".leaf")
    await expect(leaf).to_contain_text("现在等候")
    await page.clock.fast_forward(4_000)
    await expect(leaf).not_to_contain_text("不动产抵押登记")
    for waiting in (1, 2):
        await front.ask("POST", "/tickets", {"service": "mortgage", "channel": "desk"})
        await expect(leaf).to_contain_text(re.compile(rf"不动产抵押登记\s*{waiting}人"))
    await page.clock.fast_forward(7_500)
    await expect(leaf).to_contain_text("开放日", timeout=3_000)
    await front.ask("POST", f"/bulletin/{entry}/withdraw", {"by": "周主任"})


@pytest.mark.parametrize("viewport", [None, TALL], ids=["lying", "tall"])
async def test_nothing_sticks_out_whatever_is_called(front: Front, viewport: dict[str, int] | None) -> None:
    page = await front.open("/screen/f1", **({"viewport": viewport} if viewport else {}))
    await expect(page.locator(".leaf")).to_be_visible()
    for no, service in ((1, "household"), (2, "transfer"), (3, "medical")):
        await call(front, no, service)
        await expect(page.locator("#band")).to_have_attribute("data-count", str(no))
        assert await page.evaluate(OUTSIDE) == []
        assert await cut_off(page) == []


async def test_the_zone_is_named_in_full_whatever_the_header_says(front: Front) -> None:
    page = await front.open("/screen/f1", viewport=TALL)
    away = """() => {
      document.getElementById("muted").hidden = false;
      document.getElementById("updated").textContent = "断网，更新于 22:50";
      const [place, zone] = ["#place", "#place b"].map((each) => document.querySelector(each).getBoundingClientRect());
      return [zone.left > 0, zone.width > 200, zone.right <= place.right];
    }"""
    assert await page.evaluate(away) == [True, True, True]


async def cut_off(page: Page) -> list[str | None]:
    """Plates of the band where the ink of the words touches the edge above or below."""
    found = []
    for plate in await page.locator("#band .call").all():
        picture = Image.open(io.BytesIO(await plate.screenshot())).convert("RGB")
        wide, high = picture.size
        rows = [picture.crop((wide // 8, y, wide - wide // 8, y + 1)).getcolors() for y in (2, high - 3)]
        found += [await plate.text_content()] if any(len(each or ()) != 1 for each in rows) else []
    return found


async def test_a_rush_of_calls_leaves_nothing_behind(front: Front) -> None:
    page = await front.open("/screen/f1")
    assert await page.evaluate(RUSH, 10_000) < 12
    await expect(page.locator(".leaf")).to_be_visible()
    before = await page.evaluate("document.querySelectorAll('*').length")
    for _ in range(8):
        await finish(front, 1, await call(front, 1, "household"))
    await expect(page.locator("#calls li")).to_have_count(0)
    assert await page.evaluate("document.querySelectorAll('*').length") <= before + 20


# ---- the pad


async def asked(front: Front, pad: Page) -> None:
    await finish(front, 1, await call(front, 1, "household"), rated=True)
    await expect(pad.locator("#invite")).to_be_visible()
    await settle(pad)


@pytest.mark.req("EVAL-12")
async def test_why_may_be_said_and_taken_back(front: Front) -> None:
    pad, standing = await front.open("/pad/1"), await front.open("/pad/1", viewport=STANDING_PAD)
    await expect(pad.locator("#idle")).to_contain_text("综合窗口")
    await look(standing, "pad-idle")
    await asked(front, pad)
    await expect(standing.locator("#invite")).to_be_visible()
    await look(standing, "pad-asks")
    await pad.locator('#levels [data-level="5"]').click()
    await expect(pad.get_by_text("服务热情效率高")).to_be_visible()
    await settle(pad)
    await pad.get_by_role("button", name="重选").click()
    await expect(pad.locator("#levels")).to_be_visible()
    await pad.locator('#levels [data-level="2"]').click()
    await expect(pad.get_by_text("服务热情效率高")).to_be_hidden()
    await settle(pad)
    await pad.get_by_label("没有提供材料清单").check()
    await pad.locator("textarea").fill("清单没有贴出来")
    await look(pad, "pad-why")
    await settle(pad)
    async with pad.expect_request("**/api/v1/evaluations/*") as sent:
        await pad.locator("#done").click()
    assert (await sent.value).post_data_json == {"level": 2, "reasons": ["208"], "comment": "清单没有贴出来"}
    for page in (pad, standing):
        await expect(page.locator("#words")).to_have_text("谢谢您，欢迎您监督和帮助")
        await expect(page.locator("#idle")).to_be_visible()


@pytest.mark.req("EVAL-03")
async def test_who_walks_off_after_the_touch_has_rated(front: Front) -> None:
    context = await front.context("/pad/1")
    pad = await context.new_page()
    await pad.clock.install()
    await pad.goto(front.address("/pad/1"))
    await expect(pad.locator("#idle")).to_be_visible()
    await asked(front, pad)
    await pad.clock.fast_forward(2_000)
    await pad.locator('#levels [data-level="4"]').click()
    await expect(pad.locator("#levels")).to_be_hidden()
    await pad.clock.fast_forward(16_000)
    await expect(pad.locator("#words")).to_have_text("谢谢您，欢迎您监督和帮助")
    assert (await front.ask("GET", "/windows/1"))["last_evaluation"] == "rated"
    await pad.clock.fast_forward(4_000)
    await expect(pad.locator("#idle")).to_be_visible()
