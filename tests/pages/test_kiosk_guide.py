"""办事指南 at the kiosk: every service's, its version, on paper once, and what is said where there is none."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.visits import words

pytestmark = pytest.mark.looptime
MORE = """
[[service]]
id = "{id}"
unit = "{unit}"
name = "事项{id}"
prefix = "{prefix}"
"""


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path, without_devices)) as made:
        yield made


@pytest.fixture
async def printing(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path)) as made:
        await made.up("printer-1")
        yield made


async def page(hall: Running, path: str = "/kiosk/1/guide", status: int = 200) -> str:
    answer = await hall.api.get(path)
    assert answer.status_code == status
    return answer.text


def paths(text: str) -> list[str]:
    """Where the tiles lead."""
    return [unescape(each) for each in re.findall(r'class="tile" data-does="read" data-path="([^"]+)"', text)]


def turn(text: str, word: str) -> str:
    (found,) = re.findall(rf'data-path="([^"]+)">{word}<', text)
    return unescape(found)


# ---- what is seen


@pytest.mark.req("KIOSK-03")
async def test_every_service_has_its_page_with_what_it_asks_for(hall: Running) -> None:
    for path, service in zip(paths(await page(hall)), hall.parts.hall.services, strict=True):
        text, guide = words(await page(hall, path)), service.guide
        assert guide is not None
        told = [service.name, *guide.conditions, *service.materials, guide.time_limit, guide.fee, guide.basis]
        assert [each for each in told if each not in text] == []


@pytest.mark.req("KIOSK-02")
async def test_version_and_date_stand_below_it(tmp_path: Path) -> None:
    def changed(text: str) -> str:
        old = 'version = "2026-1"\npublished = 2026-01-05'
        assert old in text
        return without_devices(text).replace(old, 'version = "2026-7"\npublished = 2026-10-08', 1)

    async with running(World(tmp_path, changed)) as hall:
        text = words(await page(hall, "/kiosk/1/guide/pension"))
        assert "版本2026-7 2026-10-08" in text


@pytest.mark.req("KIOSK-03")
async def test_english_where_the_file_has_it(hall: Running) -> None:
    text = words(await page(hall, "/kiosk/1/guide/transfer?lang=en"))
    for each in ("Real estate transfer", "Tax clearance", "3 promised", "Windows1, 2", "Ticket"):
        assert each in text
    assert "完税证明" not in text
    assert "不动产登记暂行条例及其实施细则" in text  # the law has no English in the file


async def test_where_there_is_none_the_materials_stand_and_whom_to_ask(tmp_path: Path) -> None:
    def without_guides(text: str) -> str:
        return re.sub(r"\[service\.guide(?:\.en)?\].*\n(?:.+\n)*", "", without_devices(text))

    async with running(World(tmp_path, without_guides)) as hall:
        assert hall.parts.hall.services[0].guide is None
        text = words(await page(hall, "/kiosk/1/guide/pension"))
        assert "参保缴费凭证" in text
        assert "条件、时限和收费，请问导办台" in text
        assert "版本" not in text


async def test_in_a_large_hall_the_units_come_first(tmp_path: Path) -> None:
    def larger(text: str) -> str:
        text, (head, tail) = without_devices(text), without_devices(text).split("[[window]]", 1)
        more = "".join(MORE.format(id=f"x{n}", unit="zj", prefix=f"X{chr(65 + n)}") for n in range(6))
        tail = tail.replace('"mortgage"]', '"mortgage", ' + ", ".join(f'"x{n}"' for n in range(6)) + "]", 1)
        return f"{head}{more}\n[[window]]{tail}"

    async with running(World(tmp_path, larger)) as hall:
        units = paths(await page(hall))
        assert [each.partition("unit=")[2] for each in units] == ["rs", "ga", "zj"]
        first = await page(hall, units[2])
        second = await page(hall, turn(first, "下一页"))
        services = [re.sub(r".*/|\?.*", "", each) for each in paths(first) + paths(second)]
        assert services == ["transfer", "mortgage", *(f"x{n}" for n in range(6))]
        assert paths(await page(hall, turn(second, "上一页"))) == paths(first)
        assert paths(await page(hall, turn(first, "上一步"))) == units
        assert turn(await page(hall, paths(first)[0]), "上一步") == units[2]
        for n in (-1, 2, 99):
            assert paths(await page(hall, f"{units[2]}&n={n}"))


async def test_what_is_not_there_is_not_shown(hall: Running) -> None:
    await page(hall, "/kiosk/9/guide", 404)
    await page(hall, "/kiosk/9/guide/pension", 404)
    await page(hall, "/kiosk/1/guide/nothing", 404)
    assert len(paths(await page(hall, "/kiosk/1/guide?unit=nothing"))) == 6


# ---- on paper


def drawing(text: str) -> dict[str, str]:
    (once,) = re.findall(r'data-once="([^"]+)"', text)
    return {"once": once}


@pytest.mark.req("KIOSK-02", "KIOSK-03")
async def test_it_comes_out_once_however_often_it_is_pressed(printing: Running) -> None:
    path = "/kiosk/1/guide/pension"
    drawn = drawing(await page(printing, path))
    for _ in range(3):
        answer = await printing.api.post(path, data=drawn)
        assert "正在打印，请在下面取走" in answer.text
        assert drawing(answer.text) == drawn
        await printing.until(lambda: printing.events("print.done"))
    (slip,) = printing.world.simulator("printer-1").slips
    for each in ("办事指南", "养老保险", "1. 身份证原件", "3. 银行卡复印件", "承诺 5 个工作日", "不收费", "2026-01-05"):
        assert each in slip.text
    await printing.api.post(path, data=drawing(await page(printing, path)))
    await printing.until(lambda: len(printing.world.simulator("printer-1").slips) == 2)


async def test_in_the_language_of_the_page(printing: Running) -> None:
    path = "/kiosk/1/guide/medical?lang=en"
    answer = await printing.api.post(path, data=drawing(await page(printing, path)))
    assert "Printing. Please take it below" in answer.text
    await printing.until(lambda: printing.events("print.done"))
    (slip,) = printing.world.simulator("printer-1").slips
    assert "Social security card" in slip.text
    assert "社保卡" not in slip.text


async def test_a_kiosk_that_cannot_print_does_not_offer_it(hall: Running) -> None:
    path = "/kiosk/1/guide/pension"
    assert "data-once" not in await page(hall, path)
    answer = await hall.api.post(path, data={"once": "x"})
    assert "现在打不出来，请拍照，或到导办台" in answer.text
    assert not hall.events("print.wanted")
