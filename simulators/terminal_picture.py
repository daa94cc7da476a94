"""A drawing of an attendance terminal: its camera, its screen with the time, and who punched last."""

from __future__ import annotations

from datetime import datetime
from html import escape

W, H = 300, 420
STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
GREEN, AMBER, RED, DARK = "#3ddc84", "#ffb000", "#ff5b4a", "#3a444d"
WEEK = "一二三四五六日"


def draw(title: str, local: datetime, *, online: bool, dead: bool, person: str, words: str, trouble: bool) -> str:
    """A standalone SVG. `person` is whom the screen greets, masked, "" for nobody; `words` what it says."""
    screen = "" if dead else _screen(local, online, person, words, RED if trouble else GREEN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" width="{W}" height="{H}" {STYLE}>'
        f'<rect x="2" y="2" width="{W - 4}" height="{H - 4}" rx="22" fill="#22282e"/>'
        '<rect x="60" y="16" width="180" height="44" rx="22" fill="#0c0f12"/>'
        '<circle cx="110" cy="38" r="15" fill="#14181c" stroke="#5f6e7c" stroke-width="2"/>'
        '<circle cx="110" cy="38" r="7" fill="#1b3a57"/><circle cx="107" cy="35" r="2" fill="#9fd0ff"/>'
        '<circle cx="190" cy="38" r="12" fill="#14181c" stroke="#4a555f" stroke-width="2"/>'
        f'<circle cx="190" cy="38" r="5" fill="{DARK if dead else "#b3261e"}"/>'
        f'<rect x="24" y="72" width="252" height="270" rx="6" fill="{"#0a0c0e" if dead else "#0d2b45"}"/>{screen}'
        '<rect x="118" y="356" width="64" height="40" rx="8" fill="#14181c" stroke="#5f6e7c" stroke-width="2"/>'
        '<path d="M134 376a16 12 0 0 1 32 0M140 380a10 8 0 0 1 20 0M146 384a4 4 0 0 1 8 0" '
        f'fill="none" stroke="{DARK if dead else GREEN}" stroke-width="2"/>'
        + _text(150, 410, 11, title, "#8d979f")
        + "</svg>"
    )


def _screen(local: datetime, online: bool, person: str, words: str, colour: str) -> str:
    date = f"{local:%Y-%m-%d} 星期{WEEK[local.weekday()]}"
    return (
        f'<circle cx="42" cy="90" r="5" fill="{GREEN if online else AMBER}"/>'
        + _text(54, 95, 13, "已联网" if online else "未联网", "#c9d2da", "start")
        + _text(150, 150, 46, f"{local:%H:%M}", "#fff")
        + _text(150, 176, 14, date, "#c9d2da")
        + f'<circle cx="150" cy="232" r="38" fill="none" stroke="{colour if words else DARK}" stroke-width="3"/>'
        '<circle cx="150" cy="222" r="12" fill="#5f7d96"/><path d="M128 258a22 22 0 0 1 44 0z" fill="#5f7d96"/>'
        + _text(150, 298, 20, person, "#fff")
        + _text(150, 326, 16, words or "请刷脸、按指纹或刷卡", colour if words else "#c9d2da")
    )


def _text(x: float, y: float, size: int, words: str, colour: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
