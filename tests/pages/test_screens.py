"""The hall screen's leaf and sizes, and the pad, as the service draws them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.evaluation.desk import LEVELS
from edge.evaluation.reasons import REASONS
from tests.hall import Running, World, running, without_devices
from tests.pages.visits import move, page

pytestmark = pytest.mark.looptime


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00."""
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


async def get(hall: Running, path: str) -> str:
    answer = await hall.api.get(path)
    assert answer.status_code == 200, answer.text
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    assert "style=" not in answer.text
    return answer.text


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


async def playlist(hall: Running, zone: str = "f1", count: int = 6) -> list[str]:
    return [words(await get(hall, f"/screen/{zone}/leaf?n={n}&alone=true")) for n in range(count)]


# ---- the hall screen


async def test_who_waits_for_the_zones_services_stands_between_the_leaves(hall: Running) -> None:
    assert (await playlist(hall))[0] == "现在等候 Waiting 没有人等候"
    for service in ("pension", "pension", "transfer"):
        await hall.issue(service)
    found = await playlist(hall)
    assert "养老保险 2人" in found[0]
    assert "不动产转移登记 1人" in found[0]
    assert "户口登记" not in found[0]
    assert [each.startswith("现在等候") for each in found] == [True, False, False, True, False, False]


@pytest.mark.req("DISP-19")
async def test_the_five_commitments_are_shown(hall: Running) -> None:
    shown = " ".join(await playlist(hall))
    for nth, each in enumerate(hall.world.hall.screens.commitments, 1):
        assert f"{nth}. {each}" in shown


@pytest.mark.req("DISP-13")
async def test_an_entrance_without_windows_welcomes(hall: Running) -> None:
    assert 'data-rest="欢迎光临政务大厅"' in await get(hall, "/screen/guide")
    assert 'data-rest="请坐下等候叫号"' in await get(hall, "/screen/f1")


async def test_nobody_is_asked_to_wait_for_a_hall_that_is_closed(tmp_path: Path) -> None:
    def until_ten(text: str) -> str:
        return without_devices(text).replace('hours = "always"', 'hours = [{ from = "08:30", to = "10:00" }]')

    async with running(World(tmp_path, until_ten)) as hall:
        ticket = await hall.issue("pension")
        assert 'data-rest="请坐下等候叫号"' in await get(hall, "/screen/f1/leaf")
        move(hall, "2026-03-02 20:00")
        assert 'data-rest="请坐下等候叫号"' in await get(hall, "/screen/f1/leaf")
        await hall.post(f"/tickets/{ticket['id']}/cancel")
        closed = await get(hall, "/screen/f1/leaf?alone=true")
        assert 'data-rest="现在不在服务时间"' in closed
        assert words(closed) == "服务时间 Hours 现在不在服务时间，明天上午8:30开门"
        assert 'data-rest="欢迎光临政务大厅"' in await get(hall, "/screen/guide/leaf")


def with_screen(screen: str) -> Callable[[str], str]:
    return lambda text: re.sub(r"(?m)^screen = .*$", f"screen = {screen}", without_devices(text))


@pytest.mark.parametrize(
    ("screen", "sizes"),
    [
        ("{ diagonal_inch = 55, distance_m = 8 }", "--row: 159.4; --num: 274.8;"),
        ("{ diagonal_inch = 75, distance_m = 5 }", "--row: 73.1; --num: 126.0;"),
    ],
)
async def test_sizes_come_from_the_panel_and_the_farthest_seat(tmp_path: Path, screen: str, sizes: str) -> None:
    async with running(World(tmp_path, with_screen(screen))) as hall:
        answer = await hall.api.get("/screen/f1/sizes.css")
        assert answer.headers["content-type"].startswith("text/css")
        assert answer.text.count(sizes) == 2
        assert '/screen/f1/sizes.css"' in await get(hall, "/screen/f1")


@pytest.mark.parametrize(
    ("theme", "morning", "evening"), [("dark", "dark", "dark"), ("light", "light", "light"), ("clock", "light", "dark")]
)
async def test_the_theme_follows_the_file_or_the_clock(tmp_path: Path, theme: str, morning: str, evening: str) -> None:
    async with running(World(tmp_path, with_screen(f'{{ theme = "{theme}" }}'))) as hall:
        assert f'data-theme="{morning}"' in await get(hall, "/screen/f1/leaf")
        move(hall, "2026-03-02 17:00")
        assert f'data-theme="{evening}"' in await get(hall, "/screen/f1/leaf")


async def test_the_longest_emergency_still_fits(hall: Running) -> None:
    for text, largest in (("请从东门离开", 1), ("请" * 100, 5)):
        await hall.post("/emergencies", 201, text=text, by="周主任")
        assert f'data-size="{largest}"' in await get(hall, "/screen/f1/leaf")


@pytest.mark.parametrize("path", ["/screen/attic/leaf", "/screen/attic/sizes.css", "/screen/attic", "/pad/99/now"])
async def test_what_there_is_not_is_not_found(hall: Running, path: str) -> None:
    assert (await hall.api.get(path)).status_code == 404


# ---- the pad


@pytest.mark.req("DISP-01", "DISP-02", "DISP-04")
async def test_an_idle_pad_shows_the_windows_public_information(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    shown = words(await get(hall, "/pad/3/now"))
    for each in ("3号窗口 社保窗口", "赵静 工号1003 社保经办", "人力资源和社会保障局", "养老保险、医疗保险", "12345"):
        assert each in shown
    assert hall.world.hall.screens.commitments[4] in shown
    await hall.post("/windows/3/pause", sign="wait_a_moment", resume="14:30")
    assert "对不起，请稍候 14:30恢复" in words(await get(hall, "/pad/3/now"))


@pytest.mark.req("EVAL-01", "EVAL-12")
async def test_a_pad_that_asks_gives_every_level_the_same(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    ticket = (await hall.issue())["id"]
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/finish", ticket=ticket)
    text = await get(hall, "/pad/3/now")
    (left,) = re.findall(r'data-left="(\d+)"', text)
    assert 0 < int(left) <= 60_000
    assert "赵静 工号1003" in words(text)
    radios = re.findall(r'<input type="radio" name="level" value="(\d)"([^>]*)>', text)
    assert [(int(level), more) for level, more in radios] == [(level, " required") for level in LEVELS]
    assert not [each for each in re.findall(r"<input[^>]*>", text) if " checked" in each]
    tiles = re.findall(r'<label data-level="\d">.*?</label>', text, re.S)
    shape = [
        re.sub(r'd="M[^"]*"|value="\d"|data-level="\d"|data-en="[^"]*"|"full"|"empty"|>[^<]*<', "", each)
        for each in tiles
    ]
    assert len(set(shape)) == 1
    for level, reasons in REASONS.items():
        assert all(f'value="{each.code}"' in text for each in reasons)
        assert {each.code[0] for each in reasons} == {str(level)}
        assert len(reasons) == 8


async def test_a_pads_way_with_reasons_is_stored_once(hall: Running) -> None:
    ticket = (await hall.issue())["id"]
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/finish", ticket=ticket)
    (id_,) = re.findall(r'data-evaluation="([^"]+)"', await get(hall, "/pad/3/now"))
    await hall.post(f"/evaluations/{id_}", level=2, reasons=["208", "213"], comment="清单没有贴出来")
    await hall.post(f"/evaluations/{id_}", 409, level=5)
    assert 'data-evaluation=""' in await get(hall, "/pad/3/now")
    assert "清单没有贴出来" not in str([each.data for each in hall.events()])


async def test_the_page_of_a_phone_keeps_its_buttons(hall: Running) -> None:
    ticket = (await hall.issue())["id"]
    assert (await page(hall, "/")).startswith("<!doctype html>")
    assert len(re.findall(r'<button type="button" data-level="\d">', await get(hall, f"/t/{ticket}"))) == 5
