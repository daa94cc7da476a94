"""The hall as a picture: a tile for each window and kiosk, with the state of every device there. Pure.

Each state is told by shape, colour and word. A tile is a drawing of its own, so that the hall folds into a phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

from markupsafe import Markup

from edge.clock import local
from edge.devices.health import Health
from edge.hall import Hall, Kiosk, Window, Zone
from edge.hallday import Taking
from edge.pages.ops_shapes import PATHS

WIDTH, HEAD, NOTE, ROW, PAD = 240, 74, 24, 30, 12
SIGNS = {
    "wait_a_moment": "请稍候",
    "suspended": "暂停服务",
    "closed": "已关闭",
    "go_to": "请到别的窗口",
    "away": "人不在",
    "noon": "午休",
}
WORDS = {"ok": "正常", "warn": "注意", "bad": "不能用", "none": "没有消息"}


class Part(NamedTuple):
    """A device at its place."""

    device: str
    what: str
    severity: str
    words: str


class Tile(NamedTuple):
    id: str
    title: str
    shape: str
    state: str
    side: str
    """Above, on the right."""
    href: str
    parts: tuple[Part, ...]
    note: str = ""
    """Under the state."""


class Area(NamedTuple):
    name: str
    tiles: tuple[Tile, ...]


def areas(
    hall: Hall, windows: Iterable[Mapping[str, Any]], health: Mapping[str, Health], numbers: tuple[str, str]
) -> list[Area]:
    """Zone by zone, and at the end the devices that stand nowhere.

    `windows` as `queue.board.windows` gives them, `numbers` as `taken` does.
    """
    views = {view["no"]: view for view in windows}
    found = [Area(_zone_name(zone), tuple(_tiles(hall, zone, views, health, numbers))) for zone in hall.zones]
    placed = {part.device for area in found for tile in area.tiles for part in tile.parts}
    others = tuple(_part(health, each.id, each.name) for each in hall.devices if each.id not in placed)
    if others:
        found.append(Area("其他设备", (Tile("others", "不在窗口上的设备", "", "", "", "/ops/ledger", others),)))
    return [each for each in found if each.tiles]


def _zone_name(zone: Zone) -> str:
    return zone.name if zone.floor in zone.name else f"{zone.floor} {zone.name}"


def _tiles(
    hall: Hall,
    zone: Zone,
    views: Mapping[int, Mapping[str, Any]],
    health: Mapping[str, Health],
    numbers: tuple[str, str],
) -> Iterator[Tile]:
    for kiosk in hall.kiosks:
        if kiosk.zone == zone.id:
            yield _kiosk(kiosk, health, numbers)
    for window in hall.windows:
        if window.zone == zone.id and window.no in views:
            yield _window(window, views[window.no], health)
    if zone.voice is not None:
        part = _part(health, zone.voice.device, "音箱")
        yield Tile(f"voice-{zone.id}", "叫号广播", "", "", "", f"/ops/devices/{part.device}", (part,))


def taken(found: Taking, off: bool, zone: ZoneInfo) -> tuple[str, str]:
    """(shape, words) of whether a kiosk gives numbers by the hours of the hall, which may be `off` today."""
    if found.gives is not None and found.state in ("early", "noon"):
        gives = f"{local(found.gives, zone):%H:%M} 起取号"
        return "paused", f"午休，{gives}" if found.state == "noon" else gives
    if found.state == "booked_only":
        return "paused", "只取预约号"
    return ("ok", "可以取号") if found.ok else ("offline", "今天不开门" if off else "今天已停止取号")


def _kiosk(kiosk: Kiosk, health: Mapping[str, Health], numbers: tuple[str, str]) -> Tile:
    named = ((kiosk.printer, "小票打印机"), (kiosk.fallback, "备用打印机"), (kiosk.reader, "读卡器"))
    parts = tuple(_part(health, device, what) for device, what in named if device)
    printers = [part.severity for part in parts if part.what.endswith("打印机")]
    out = bool(printers) and all(each in ("bad", "none") for each in printers)
    shape, state = ("bad", "打不出小票") if out else numbers
    href = f"/ops/devices/{parts[0].device}" if parts else "/ops/ledger"
    return Tile(f"kiosk-{kiosk.id}", kiosk.name, shape, state, "", href, parts)


def _window(window: Window, view: Mapping[str, Any], health: Mapping[str, Health]) -> Tile:
    parts = [_part(health, box.device, "叫号器", box.address) for box in window.call_boxes]
    if window.sign is not None:
        parts.append(_part(health, window.sign.device, "窗口屏", window.sign.address))
    if window.evaluator is not None:
        parts.append(_part(health, window.evaluator.device, "评价器", window.evaluator.address))
    if window.printer is not None:
        parts.append(_part(health, window.printer, "打印机"))
    shape, state, note = doing(view)
    waiting, href = f"等 {view['waiting']} 人", f"/ops/queue#window-{window.no}"
    return Tile(f"window-{window.no}", f"{window.no}号 {window.name}", shape, state, waiting, href, tuple(parts), note)


def doing(view: Mapping[str, Any]) -> tuple[str, str, str]:
    """(shape, words, more words) of what a window is doing."""
    if ticket := view["ticket"]:
        called = ticket["state"] == "called"
        return "called" if called else "serving", f"{'呼叫' if called else '办理'} {ticket['number']}", ""
    if paused := view["paused"]:
        closed = paused["sign"] == "closed"
        return ("offline", "已关闭", "") if closed else ("paused", "暂停", paused_words(paused))
    if view["staff"] is None:
        return "none", "没有人登录", ""
    return "idle", "空闲，等下一位" if view["armed"] else "空闲", ""


def paused_words(paused: Mapping[str, Any]) -> str:
    """What its sign says, and until when: of a view's `paused`, or of the event."""
    until = f"，{paused['resume']}恢复" if paused.get("resume") else ""
    return SIGNS.get(paused.get("sign", ""), "") + until


# ---- a device at its place


def _part(health: Mapping[str, Health], device: str, what: str, address: int | None = None) -> Part:
    here = at_place(health[device], address)
    why, _, _ = here.words()
    severity = here.severity()
    told = why if why and severity in ("bad", "warn") else WORDS[severity]
    return Part(device, what, severity, told)


def at_place(health: Health, address: int | None) -> Health:
    """What concerns one address of a shared line; all of it without an address."""
    conditions = {name: since for name, since in health.conditions.items() if _is_here(name, address)}
    return replace(health, conditions=conditions)


def _is_here(condition: str, address: int | None) -> bool:
    place = condition.rpartition("_")[2]
    return address is None or not place.isdigit() or int(place) == address


# ---- drawing


def draw(tile: Tile) -> Markup:
    """An SVG without a script; its colours are those of the page (ops.css)."""
    top = HEAD + (NOTE if tile.note else 0) if tile.state else HEAD - 34
    height = top + ROW * len(tile.parts) + PAD / 2
    rows = (_row(part, f"{tile.id}-{nth}", top + ROW * nth) for nth, part in enumerate(tile.parts))
    told = "，".join(filter(None, (tile.title, tile.state, tile.note, tile.side)))
    head = Markup('<a href="{}" id="at-{}" aria-label="{}"><rect class="hit" width="{}" height="{}"/>').format(
        tile.href, tile.id, told, WIDTH, top - 6
    )
    head += _text(PAD, 28, fit(tile.title, WIDTH - 2 * PAD, 18), "title")
    if tile.state:
        head += _sign(tile.shape, PAD, 43, 18)
        room = WIDTH - 2 * PAD - 26 - (reach(tile.side, 16) + 8 if tile.side else 0)
        head += _text(PAD + 26, 58, fit(tile.state, room, 16), "state") + _text(WIDTH - PAD, 58, tile.side, "side")
    if tile.note:
        head += _text(PAD, 58 + NOTE, fit(tile.note, WIDTH - 2 * PAD, 15), "")
    drawn = head + Markup("</a>") + Markup("").join(rows)
    size = Markup('viewBox="0 0 {} {}"').format(WIDTH, height)
    return Markup('<svg {} class="tile" role="group" aria-label="{}">{}</svg>').format(size, tile.title, drawn)


def _row(part: Part, id_: str, y: float) -> Markup:
    words = fit(part.words, 112, 15)
    what = fit(part.what, WIDTH - 2 * PAD - 32 - reach(words, 15), 15)
    told = f"{part.what}：{part.words}"
    return (
        Markup('<a href="/ops/devices/{}" id="at-{}" class="part {}" aria-label="{}"><title>{}</title>').format(
            part.device, id_, part.severity, told, told
        )
        + Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="4"/>').format(PAD / 2, y, WIDTH - PAD, ROW - 3)
        + _sign(part.severity, PAD, y + 6, 15)
        + _text(PAD + 22, y + 19, what, "")
        + _text(WIDTH - PAD, y + 19, words, "side")
        + Markup("</a>")
    )


def _sign(name: str, x: float, y: float, size: float) -> Markup:
    place = Markup('transform="translate({} {}) scale({:.3f})"').format(x, y, size / 24)
    return Markup('<path class="sign {}" d="{}" {}/>').format(name, PATHS[name], place)


def _text(x: float, y: float, words: str, look: str) -> Markup:
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(x, y, look, words)


def fit(words: str, width: float, size: float) -> str:
    """Cut with … where it would be wider than `width`, both in px."""
    if reach(words, size) <= width:
        return words
    while words and reach(words + "…", size) > width:
        words = words[:-1]
    return words + "…"


def reach(words: str, size: float) -> float:
    """About how wide these words are, px: a Han character is as wide as high."""
    return sum(size if east_asian_width(each) in "WFA" else size * 0.6 for each in words)
