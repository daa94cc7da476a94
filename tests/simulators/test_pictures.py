"""Pictures made of dots: a slip that a scanner can read, panels of LEDs in their colours, and the page with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from simulators import pixels
from simulators.escpos import Escpos
from simulators.frame_profile import SIMULATOR, Recorder
from simulators.hall import read
from simulators.onbon import Onbon
from simulators.port import Simulator
from simulators.web import make_app
from tests.wire import End, pair

URL = b"https://example.cn/t/A001"
QR = bytes.fromhex("1D 28 6B 03 00 31 43 06 1D 28 6B 03 00 31 45 31 1D 28 6B 1C 00 31 50 30") + URL
QR += bytes.fromhex("1D 28 6B 03 00 31 51 30")
CUT = bytes.fromhex("1D 56 42 00")
# source: the vendor's Java client; area 0, 128 x 16, "请A001号到3号窗口", red
CALL = bytes.fromhex(
    """A5 A5 A5 A5 A5 A5 A5 A5 FE FF 00 80 00 00 00 00 00 00 FE 02 51 00 A3 06 01 00 00 00 01 48 00 00 00 00 00 00 80 00
    10 00 00 00 00 05 00 02 10 0A 05 15 00 00 00 C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA B0 EC C0 ED
    00 00 02 01 02 00 00 08 11 00 00 00 C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA 11 AA 5A"""
)


@contextlib.asynccontextmanager
async def wired(simulator: Simulator) -> AsyncIterator[End]:
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield link
    finally:
        await link.close()
        await talk


async def sent(simulator: Simulator, data: bytes) -> None:
    async with wired(simulator) as link:
        await link.write(data)
        for _ in range(20):  # turns of the loop that the simulator may need
            await asyncio.sleep(0)


def opened(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as image:
        assert image.format == "PNG"
        return image.convert("RGB")


def colours(image: Image.Image) -> set[str]:
    data = image.tobytes()
    return {f"#{data[at : at + 3].hex()}" for at in range(0, len(data), 3)}


# ---- glyphs


def test_a_hanzi_fills_its_cell_and_differs_from_others() -> None:
    masks = {char: pixels.mask(char, 16, 16).tobytes() for char in "请号到窗口办理一二三零"}
    assert len(set(masks.values())) == len(masks)  # boxes would all be the same
    left, top, right, bottom = pixels.mask("国", 16, 16).getbbox() or (0, 0, 0, 0)
    assert right - left >= 12
    assert bottom - top >= 12


@pytest.mark.parametrize("char", "ABMW0189gj@")
@pytest.mark.parametrize(("width", "height"), [(8, 16), (12, 24), (9, 24)])
def test_latin_letters_fit_half_a_cell(char: str, width: int, height: int) -> None:
    box = pixels.mask(char, width, height).getbbox()
    wide = pixels.mask(char, width * 3, height)
    assert box is not None
    assert wide.size == (width * 3, height)
    assert box[3] - box[1] >= height * 0.4


def test_without_a_font_hanzi_are_boxes_and_the_state_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "FONTS", ())
    for cached in (pixels.font_file, pixels.font, pixels.mask):
        cached.cache_clear()
    try:
        assert pixels.font_name() == pixels.NO_FONT
        assert pixels.mask("请", 16, 16).tobytes() == pixels.mask("号", 16, 16).tobytes()
        assert pixels.mask("请", 16, 16).getbbox() == (1, 1, 15, 15)
        assert pixels.mask("A", 8, 16).tobytes() != pixels.mask("B", 8, 16).tobytes()
    finally:
        for cached in (pixels.font_file, pixels.font, pixels.mask):
            cached.cache_clear()


# ---- the printer


@pytest.mark.parametrize(("paper", "width"), [(58, 464), (80, 640)])
async def test_a_scanner_reads_the_qr_code_off_the_slip(paper: int, width: int, tmp_path: Path) -> None:
    printer = Escpos("printer", {"paper_mm": paper})
    await sent(printer, "取号 A001\n".encode("gbk") + QR + CUT)
    slip = tmp_path / "slip.png"
    slip.write_bytes(printer.png())
    scan = await asyncio.create_subprocess_exec(
        "zbarimg", "--quiet", "--raw", str(slip), stdout=asyncio.subprocess.PIPE
    )
    found, _ = await scan.communicate()
    assert found.strip() == URL
    with Image.open(slip) as image:
        assert image.width == width
        assert [round(each) for each in image.info["dpi"]] == [203, 203]


async def test_every_look_of_text_and_pictures_is_burnt_dot_by_dot() -> None:
    printer = Escpos("printer", {"paper_mm": 58})
    raster = bytes.fromhex("1D 76 30 00 02 00 02 00 FF 00 00 FF")
    await sent(printer, raster + bytes.fromhex("1D 42 01 1D 21 11 1B 45 01") + b"A\n" + CUT)
    image = opened(printer.png()).convert("L")
    assert [image.getpixel((x, 48)) for x in (39, 40, 47, 48)] == [255, 0, 0, 255]
    assert [image.getpixel((x, 49)) for x in (47, 48, 55, 56)] == [255, 0, 0, 255]
    cell = image.crop((40, 50, 64, 98))  # reversed, double size: 24 x 48 dots
    dark = sum(byte == 0 for byte in cell.tobytes())
    assert 24 * 48 / 2 < dark < 24 * 48
    assert image.getpixel((64, 60)) == 255


async def test_what_is_not_paper_is_the_table_and_no_slips_are_a_picture_too() -> None:
    printer = Escpos("printer", {})
    assert colours(opened(printer.png())) == {"#c8c8c8"}
    await sent(printer, b"one\n" + CUT + b"two\n" + CUT)
    assert colours(opened(printer.png())) == {"#c8c8c8", "#ffffff", "#000000"}


async def test_barcodes_and_underlines_do_not_break_it() -> None:
    printer = Escpos("printer", {})
    barcode = bytes.fromhex("1D 6B 49 06 7B 42 41 30 30 31")
    await sent(printer, barcode + bytes.fromhex("1B 2D 01") + "号\n".encode("gbk") + CUT)
    assert "#000000" in colours(opened(printer.png()))


# ---- panels


async def test_a_panel_is_four_pixels_to_a_led_and_lit_where_the_text_is() -> None:
    sign = Onbon("led", {"width": 128})
    dark = opened(sign.png())
    assert dark.size == (128 * 4, 16 * 4)
    assert colours(dark) == {"#000000", pixels.OFF}
    await sent(sign, CALL)
    lit = opened(sign.png())
    assert colours(lit) == {"#000000", pixels.OFF, pixels.RED}
    assert pixels.RED in colours(lit.crop((0, 0, 64, 64)))
    assert f'fill="{pixels.RED}"' in sign.picture()
    assert sign.state()["font"] == pixels.font_name()


async def test_the_drawing_and_the_png_light_the_same_leds() -> None:
    sign = Onbon("led", {"width": 128})
    await sent(sign, CALL)
    image = opened(sign.png())
    red = tuple(bytes.fromhex(pixels.RED[1:]))
    lit = sum(image.getpixel((x * 4 + 2, y * 4 + 2)) == red for x in range(128) for y in range(16))
    runs = sign.picture().split(f'fill="{pixels.RED}" d="')[1].split('"')[0].split("z")[:-1]
    assert lit == sum(int(run.split("h")[1].split("v")[0]) for run in runs) > 100


# ---- profiles


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("a0_90", "StripLine"),
        ("syn6288", "Syn6288"),
        ("pj06", "Pj06"),
        ("six_byte_box", "SixByteLine"),
        ("xunpeng", "Recorder"),
        ({"tx": {}}, "Recorder"),
        (None, "Recorder"),
    ],
)
async def test_the_profile_says_which_simulator_it_is(profile: Any, name: str) -> None:
    simulator = SIMULATOR("device", {"profile": profile})
    assert type(simulator).__name__ == name
    assert simulator.picture().startswith("<svg")
    assert simulator.state()


async def test_a_recorder_shows_what_it_was_sent() -> None:
    recorder = Recorder("device", {"profile": "xunpeng"})
    await sent(recorder, bytes.fromhex("3A 02 E7 03"))
    assert "3A 02 E7 03" in recorder.picture()
    assert recorder.state()["pieces"] == ["3A 02 E7 03"]
    assert [piece for _, piece in recorder.pieces] == [bytes.fromhex("3A 02 E7 03")]
    recorder.control("clear")
    assert "还没有收到数据" in recorder.picture()
    with pytest.raises(KeyError):
        recorder.control("nothing")


# ---- the page

HALL = """
[hall]
code = "test"
name = "测试大厅"
[[device]]
id = "printer"
driver = "escpos"
link = "tcp://127.0.0.1:{port+1}"
[[device]]
id = "counter"
driver = "call_bus"
link = "serial://{data}/counter"
"""


async def test_the_page_has_pixels_of_what_is_made_of_them(tmp_path: Path) -> None:
    file = tmp_path / "hall.toml"
    file.write_text(HALL, "utf-8")
    transport = httpx.ASGITransport(make_app(read(file, port=9000, data=tmp_path), None))
    async with httpx.AsyncClient(transport=transport, base_url="http://hall") as page:
        answer = await page.get("/devices/printer/picture.png")
        assert answer.headers["content-type"] == "image/png"
        assert opened(answer.content).width == 640
        assert (await page.get("/devices/counter/picture.png")).status_code == 404
        assert (await page.get("/devices/nobody/picture.png")).status_code == 404
