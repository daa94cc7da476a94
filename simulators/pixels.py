"""Text as dots, and panels of LEDs as pictures: SVG for the page, PNG for whoever wants pixels.

Glyphs come from a CJK font of this machine. Where there is none, Latin letters come from Pillow's own font and every
other character is a box; `font_name` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from html import escape
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = (  # with the face of each collection whose Latin letters are half as wide as a Hanzi
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 7),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 7),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 7),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 1),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 1),
)
NO_FONT = "没有中文字体，汉字画成□"
BASELINE = 0.86  # of the height of a cell
LIT = 120  # of 255: how much of a dot the outline must cover
RED, GREEN, YELLOW, OFF = "#ff4030", "#35d04a", "#ffb000", "#0a0500"

# ---- glyphs


@cache
def font_file() -> tuple[str, int] | None:
    return next((found for found in FONTS if Path(found[0]).is_file()), None)


def font_name() -> str:
    """The file that glyphs come from, or that there is none."""
    found = font_file()
    return Path(found[0]).name if found else NO_FONT


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """For glyphs of `size` pixels."""
    found = font_file()
    return ImageFont.truetype(found[0], size, index=found[1]) if found else ImageFont.load_default(size)


@lru_cache(4096)
def mask(char: str, width: int, height: int) -> Image.Image:
    """One character as dots of mode "1", in a cell of `width` x `height` dots."""
    cell = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(cell)
    if font_file() is None and not " " <= char <= "~":
        draw.rectangle((1, 1, width - 2, height - 2), outline=255)
    else:
        size = min(height, width if ord(char) > 0xFF and width > height // 2 else 2 * width)
        draw.text((width / 2, round(height * BASELINE)), char, fill=255, font=font(size), anchor="ms")
    return cell.point(lambda level: 255 if level >= LIT else 0).convert("1")


# ---- panels


def blank(width: int, height: int) -> Image.Image:
    """A dark panel, one pixel per LED."""
    return Image.new("RGB", (width, height), OFF)


def put(panel: Image.Image, char: str, x: int, y: int, width: int, height: int, colour: str) -> None:
    """Lights the dots of one character; what falls off the panel is lost."""
    panel.paste(colour, (x, y), mask(char, width, height))


SCALE = 4  # pixels per LED
FRAME, CAPTION = 6, 11  # LEDs
STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
GRID = (
    '<defs><pattern id="grid" width="1" height="1" patternUnits="userSpaceOnUse">'
    '<path d="M0 0H1M0 0V1" stroke="#000" stroke-width=".5" fill="none"/></pattern></defs>'
)
Captioned = tuple[str, Image.Image]


def svg(panels: Sequence[Captioned], text: str) -> str:
    """A standalone drawing: each panel in a frame, one below the other; `text` is what it says, for who cannot see."""
    w = max((panel.width for _, panel in panels), default=64) + 2 * FRAME
    h = sum(panel.height + CAPTION + FRAME for _, panel in panels) + FRAME
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w * SCALE}" height="{h * SCALE}"',
        f' role="img" {STYLE}><title>{escape(text)}</title>{GRID}',
        f'<rect width="{w}" height="{h}" rx="3" fill="#2b2f33"/>',
    ]
    y = FRAME
    for caption, panel in panels:
        parts.append(f'<g transform="translate({FRAME} {y})">{_lamps(panel)}')
        parts.append(f'<text y="{panel.height + 10}" font-size="9" fill="#b9c7d4">{escape(caption)}</text></g>')
        y += panel.height + CAPTION + FRAME
    return "".join(parts) + "</svg>"


def _lamps(panel: Image.Image) -> str:
    paths: dict[bytes, list[str]] = {}
    for x, y, width, colour in _runs(panel):
        paths.setdefault(colour, []).append(f"M{x} {y}h{width}v1h-{width}z")
    size = f'width="{panel.width}" height="{panel.height}"'
    lit = "".join(f'<path fill="#{colour.hex()}" d="{"".join(runs)}"/>' for colour, runs in paths.items())
    return f'<rect {size} fill="{OFF}"/>{lit}<rect {size} fill="url(#grid)"/>'


def _runs(panel: Image.Image) -> Iterator[tuple[int, int, int, bytes]]:
    """x, y, length and colour of every row of lit dots."""
    data, dark = panel.tobytes(), bytes.fromhex(OFF[1:])
    for y in range(panel.height):
        row = range(y * panel.width * 3, (y + 1) * panel.width * 3, 3)
        x = 0
        for colour, dots in groupby(data[at : at + 3] for at in row):
            length = len(list(dots))
            if colour != dark:
                yield x, y, length, colour
            x += length


def png(panels: Sequence[Image.Image]) -> bytes:
    """The panels one below the other, each LED a square of `SCALE` pixels with a dark gap."""
    width = max((panel.width for panel in panels), default=1)
    height = sum(panel.height + 2 for panel in panels) - 2 if panels else 1
    wall = Image.new("RGB", (width, height), "#2b2f33")
    y = 0
    for panel in panels:
        wall.paste(panel, (0, y))
        y += panel.height + 2
    big = wall.resize((width * SCALE, height * SCALE), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(big)
    for x in range(0, big.width, SCALE):
        draw.line((x, 0, x, big.height), fill="#000")
    for line in range(0, big.height, SCALE):
        draw.line((0, line, big.width, line), fill="#000")
    return encode(big)


def encode(image: Image.Image, dpi: int = 96) -> bytes:
    """The bytes of a PNG file."""
    out = BytesIO()
    image.save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()
