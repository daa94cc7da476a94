"""A drawing of an evaluator pad: the page that it was told to open, or its own while nobody is asked."""

from __future__ import annotations

from html import escape

W, H = 480, 316
STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
WORDS = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
MOUTHS = {5: "M-11 4Q0 18 11 4Z", 4: "M-9 6Q0 13 9 6", 3: "M-9 8H9", 2: "M-9 11Q0 4 9 11", 1: "M-11 13Q0-2 11 13Z"}
COLOURS = {5: "#3ddc84", 4: "#a5d94c", 3: "#ffd02e", 2: "#ff9838", 1: "#ff5b4a"}
INK = "#14181c"
LONGEST = 46  # characters of an address or of words that fit in a line


def draw(work_no: str, connected: bool, signed_in: bool, url: str | None, said: str) -> str:
    """A standalone SVG."""
    light, word = ("#3ddc84", "在线") if signed_in else ("#ffb000", "未登录") if connected else ("#ff5b4a", "离线")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" width="{W}" height="{H}" {STYLE}>'
        f'<rect x="2" y="2" width="{W - 4}" height="{H - 4}" rx="20" fill="#1d2125"/>'
        f'<circle cx="{W / 2}" cy="12" r="3" fill="#4a555f"/>'
        f'<rect x="20" y="22" width="{W - 40}" height="{H - 44}" rx="4" fill="#eef3f7"/>'
        f'<rect x="20" y="22" width="{W - 40}" height="28" fill="#005493"/>'
        + _words(32, 41, 14, f"工号 {work_no}", "#fff", "start")
        + f'<circle cx="398" cy="36" r="5" fill="{light}"/>'
        + _words(408, 41, 14, word, "#fff", "start")
        + (_page(url) if url else _words(W / 2, 150, 30, "欢迎光临", "#005493"))
        + _words(W / 2, 282, 13, _short(said), "#44525f")
        + "</svg>"
    )


def _page(url: str) -> str:
    faces = "".join(_face(star, 72 + nth * 84) for nth, star in enumerate(WORDS))
    return (
        '<rect x="32" y="60" width="416" height="24" rx="12" fill="#fff" stroke="#c9d2da"/>'
        + _words(44, 77, 13, _short(url), "#12202e", "start")
        + _words(W / 2, 126, 22, "请您对本次服务作出评价", "#12202e")
        + faces
    )


def _face(star: int, x: int) -> str:
    return (
        f'<g transform="translate({x} 182)"><circle r="26" fill="{COLOURS[star]}"/>'
        f'<path d="M-9-7V-6.9M9-7V-6.9" stroke="{INK}" stroke-width="6" stroke-linecap="round"/>'
        f'<path d="{MOUTHS[star]}" fill="none" stroke="{INK}" stroke-width="3" stroke-linecap="round"/></g>'
        + _words(x, 232, 15, WORDS[star], "#12202e")
    )


def _words(x: float, y: float, size: float, words: str, colour: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
