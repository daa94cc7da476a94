"""Rows of dots for text that a device's own font lacks, drawn from a font on this machine.

Characters stand in cells as on a ticket printer, ASCII half as wide as all else, so that a drawn line is exactly as
wide as a printed one. Each character is drawn by itself: scripts whose letters join are not for this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from drivers.base import Misconfigured

USUAL_FONTS: Final = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),  # Debian's fonts-noto-cjk
    Path("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/hanazono/HanaMinB.ttf"),  # what Noto lacks of extension B and later
    Path("/usr/share/fonts/truetype/hanazono/HanaMinA.ttf"),
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc"),
)
FACES: Final = ("Mono CJK SC", "CJK SC")
"""Which face of a collection: half-wide ASCII and the mainland's forms first."""
NO_CHARACTER: Final = "\U0010ffff"
"""Never in a font: it is drawn as that font draws what it lacks."""
BASELINE: Final = 0.86
"""Of the height, from the top: Hanzi stand a little below the baseline, letters reach further down."""


def fonts(first: str = "") -> tuple[Path, ...]:
    """The fonts to look in, `first` before the usual ones of this machine.

    Raises `Misconfigured` when `first` is given and is no font.
    """
    if first:
        try:
            ImageFont.truetype(first, 24)
        except OSError as error:
            raise Misconfigured(f"{first} is no font: {error}") from error
    found = [path for path in USUAL_FONTS if path.is_file()]
    return tuple([Path(first), *found] if first else found)


def lacking(text: str, among: Sequence[Path]) -> str:
    """The characters of `text` that none of the fonts has."""
    return "".join(char for char in text if _home(char, tuple(among)) is None)


def render(text: str, size_px: int, among: Sequence[Path], *, bold: bool = False) -> list[bytes]:
    """`size_px` rows of dots, top first, eight to a byte, the leftmost in the highest bit, set where there is ink.

    A row is `size_px / 2` dots wide for each column of the text, filled up to a whole byte. A character that none of
    the fonts has leaves its cell empty.
    """
    cells = [size_px // 2 if char < "\x80" else size_px for char in text]
    image = Image.new("L", (max(8, sum(cells)), size_px))
    draw, x = ImageDraw.Draw(image), 0.0
    for char, cell in zip(text, cells, strict=True):
        path = _home(char, tuple(among))
        if path is not None:
            font = _fitting(path, size_px, char, cell)
            for shift in (0, max(1, size_px // 24)) if bold else (0,):
                draw.text((x + cell / 2 + shift, size_px * BASELINE), char, 255, font, anchor="ms")
        x += cell
    packed = image.convert("1", dither=Image.Dither.NONE).tobytes()
    stride = -(-image.width // 8)
    return [packed[at : at + stride] for at in range(0, len(packed), stride)]


def _fitting(path: Path, size_px: int, char: str, cell: int) -> ImageFont.FreeTypeFont:
    font = _font(path, size_px)
    length = font.getlength(char)
    return font if length <= cell else _font(path, int(size_px * cell / length))


@lru_cache(maxsize=1024)
def _home(char: str, among: tuple[Path, ...]) -> Path | None:
    """The first font that has the character."""
    for path in among:
        font = _font(path, 24)
        if char.isspace() or _drawn(font, char) != _drawn(font, NO_CHARACTER):
            return path
    return None


def _drawn(font: ImageFont.FreeTypeFont, char: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


@lru_cache(maxsize=32)
def _font(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    faces = list(_faces(path, size_px))
    for wanted in FACES:
        for face in faces:
            if wanted in (face.getname()[0] or ""):
                return face
    return faces[0]


def _faces(path: Path, size_px: int) -> Iterable[ImageFont.FreeTypeFont]:
    """All faces of a collection; the only one of a plain font."""
    index = 0
    while True:
        try:
            yield ImageFont.truetype(str(path), size_px, index, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            return
        index += 1
