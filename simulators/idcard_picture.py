"""A drawing of the reader from above: its lamp, its words, and the card that lies on it."""

from __future__ import annotations

from html import escape

STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
LAMPS = {
    "off": ("#3a444d", ""),
    "self_test_failed": ("#ff4030", "自检失败"),
    "unauthorised": ("#ff4030", "模块未授权"),
    "working": ("#ffb000", "正在读卡"),
    "read": ("#2fbf94", "读卡完成 请取走证件"),
    "failed": ("#ff4030", "读卡失败 请重新放置"),
    "ready": ("#4aa3ff", "请放身份证"),
}


def draw(lamp: str, title: str, name: str) -> str:
    """`title` is that of the document, "" when none lies there; of `name` only the beginning is shown."""
    colour, words = LAMPS[lamp]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 250" width="320" height="250" {STYLE}>'
        '<rect width="320" height="250" rx="14" fill="#22282e"/>'
        f'<circle cx="26" cy="26" r="8" fill="{colour}"/>'
        f'<text x="44" y="32" font-size="18" fill="{colour}">{words}</text>'
        '<rect x="30" y="52" width="260" height="180" rx="10" fill="#14181c" stroke="#5f6e7c" stroke-width="2"/>'
        f"{_card(title, name) if title else _mark()}</svg>"
    )


def _mark() -> str:
    """Where a card is to be laid."""
    waves = "".join(
        f'<path d="M{158 + 12 * n} {128 - 10 * n}A{16 + 14 * n} {16 + 14 * n} 0 0 1 {158 + 12 * n} {156 + 10 * n}"/>'
        for n in range(3)
    )
    return (
        '<g fill="none" stroke="#5f6e7c" stroke-width="3">'
        f'<rect x="90" y="112" width="52" height="60" rx="5"/>{waves}</g>'
    )


def _card(title: str, name: str) -> str:
    masked = escape(name[0] + "*" * min(2, len(name) - 1))
    rows = "".join(
        f'<rect x="58" y="{y}" width="{w}" height="6" rx="3"/>' for y, w in ((132, 90), (146, 110), (160, 74))
    )
    return (
        '<g transform="rotate(-3 160 142)">'
        '<rect x="46" y="70" width="228" height="144" rx="9" fill="#e8f1f4"/>'
        '<rect x="46" y="70" width="228" height="144" rx="9" fill="none" stroke="#9db6c2"/>'
        f'<text x="160" y="92" font-size="14" text-anchor="middle" fill="#44525f">{escape(title)}</text>'
        f'<text x="58" y="120" font-size="17" fill="#12202e">姓名 {masked}</text>'
        f'<g fill="#b8cad3">{rows}<rect x="58" y="184" width="150" height="8" rx="4"/></g>'
        '<rect x="202" y="104" width="58" height="74" rx="4" fill="#c9d8df"/>'
        '<circle cx="231" cy="130" r="13" fill="#8fa6b3"/><path d="M209 178a22 24 0 0 1 44 0z" fill="#8fa6b3"/>'
        '<text x="160" y="207" font-size="11" text-anchor="middle" fill="#7a8d99">样本 · 无此人</text></g>'
    )
