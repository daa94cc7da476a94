"""The hall screen of a zone: its skeleton, the sizes of its type, and the leaf of the playlist that stands now."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.bulletin import views
from edge.bulletin.leaves import Card, Leaf, leaves, width, wrap
from edge.clock import Now, local
from edge.guard import needs
from edge.hall import Hall, Zone
from edge.hallscreens import HEAD_PX, LONG, ROW_HEIGHT, SHORT, SIDE_PX, Layout, Screen
from edge.pages.render import HEADERS, missing, page
from edge.parts import Parts, parts_of
from edge.queue import board
from edge.statements import Statements
from edge.timetable import days

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
SEATED = "请坐下等候叫号"
BETWEEN = 3
"""Leaves of the bulletin between two looks at who waits."""
EMERGENCY_SIZES = (2.0, 1.5, 1.2, 1.0, 0.8, 0.63, 0.5, 0.4)
"""Of a row, the largest first; style.css has the same steps."""


@router.get("/screen/{zone_id}", dependencies=[needs("screen")])
def screen(request: Request, zone_id: str) -> Response:
    hall = parts_of(request).hall
    zone = hall.zone.get(zone_id)
    if zone is None:
        return missing(request, f"区域 {zone_id}")
    return page(request, "screen", zone=zone, rest=_rest(hall, zone, ""))


def _rest(hall: Hall, zone: Zone, closed: str) -> str:
    """What the band says while nobody is called; `closed` says why nobody need wait, empty while it makes sense to."""
    return (closed.partition("，")[0] or SEATED) if _windows(hall, zone) else hall.screens.welcome


@router.get("/screen/{zone_id}/sizes.css", dependencies=[needs("screen")])
def sizes(request: Request, zone_id: str) -> Response:
    """Numbers are px of a panel whose long side has 1920."""
    hall = parts_of(request).hall
    zone = hall.zone.get(zone_id)
    if zone is None:
        return missing(request, f"区域 {zone_id}")
    lying, tall = (_rule(zone.screen, _layout(hall, zone, tall), tall) for tall in (False, True))
    css = f".screen {{ {lying} }}\n@media (orientation: portrait) {{ .screen {{ {tall} }} }}\n"
    return Response(css, media_type="text/css", headers=HEADERS)


def _windows(hall: Hall, zone: Zone) -> list[int]:
    return [each.no for each in hall.windows if each.zone == zone.id]


def _layout(hall: Hall, zone: Zone, tall: bool) -> Layout:
    numbers = [len(each.prefix) + each.width for each in hall.services]
    digits = len(str(max(_windows(hall, zone), default=1)))
    return zone.screen.layout(max(numbers), digits, tall)


def _rule(screen: Screen, layout: Layout, tall: bool) -> str:
    inner = (SHORT if tall else LONG) - 2 * SIDE_PX
    room = layout.columns * screen.caption if layout.beside and not tall else 0
    values = {
        "row": round(screen.row, 1),
        "num": round(layout.number, 1),
        "place": round(layout.place, 1),
        "band": round(layout.band, 1),
        "rows": layout.rows,
        "leaf": round(room or inner, 1),
        "across": layout.across,
        "room": layout.across * (2 if tall else 1),
        "mouth": "inline" if layout.full else "none",
        "beside": "flex" if layout.beside else "none",
    }
    return " ".join(f"--{name}: {value};" for name, value in values.items())


# ---- the leaf


@router.get("/screen/{zone_id}/leaf", dependencies=[needs("screen")])
def leaf(
    request: Request,
    zone_id: str,
    n: int = 0,
    tall: bool = False,
    alone: bool = False,
    panel: str = "",
    silent: bool = False,
) -> Response:
    """The n-th of the playlist as it is now; `alone` while no call is listed beside it. An emergency lies over it.

    With each the screen says whether its browser keeps it `silent`; `panel` is its browser's own word for itself.
    """
    parts, now = parts_of(request), parts_of(request).clock.now()
    zone = parts.hall.zone.get(zone_id)
    if zone is None:
        return missing(request, f"区域 {zone_id}")
    if request.client is not None:
        parts.silence.tell(zone.id, f"{request.client.host} {panel[:32]}", silent, now.at)
    layout = _layout(parts.hall, zone, tall)
    columns, lines = (layout.columns_alone, layout.lines_alone) if alone else (layout.columns, layout.lines)
    with parts.database.read() as connection:
        told = days.why_not(connection, parts.hall, now, days.now_taken(connection, parts.hall, now))[0]
        waits = _who_waits(parts, connection, zone)
        first = leaves([_waiting(told, waits, columns)], columns, lines)
        playlist = _playlist(parts, connection, zone, now.day, first, columns, lines)
        emergency = views.emergency(connection, parts.hall, zone.id)
    return page(
        request,
        "leaf",
        n=n % len(playlist),
        rest=_rest(parts.hall, zone, "" if waits else told),
        leaf=playlist[n % len(playlist)],
        theme=_theme(parts.hall, zone.screen, now),
        emergency=emergency,
        size=_emergency_size(zone.screen, emergency["text"], tall) if emergency else 0,
    )


def _playlist(
    parts: Parts, connection: Statements, zone: Zone, day: str, waiting: list[Leaf], columns: int, lines: int
) -> list[Leaf]:
    """Who waits, and again after every few leaves of the bulletin."""
    shown = views.shown(connection, day, zone.id)
    others = leaves(views.cards(parts.hall, shown), columns, lines)
    turns = [others[at : at + BETWEEN] for at in range(0, len(others), BETWEEN)] or [[]]
    return [leaf for turn in turns for leaf in (*waiting, *turn)]


def _who_waits(parts: Parts, connection: Statements, zone: Zone) -> list[board.View]:
    """By service, those of the zone's windows."""
    hall = parts.hall
    here = {skill for no in _windows(hall, zone) for skill in hall.window[no].skills} or set(hall.service)
    shown = board.board(connection, hall, None, parts.forecasts.newest)
    return [each for each in shown["waiting"] if each["service"] in here and each["waiting"]]


def _waiting(told: str, waits: list[board.View], columns: int) -> Card:
    rows = tuple(filter(None, [told, *(_in_words(each, columns) for each in waits)]))
    title, english = ("现在等候", "Waiting") if waits or not told else ("服务时间", "Hours")
    title = f"{title} {english}" if columns > len(title) + 6 else title
    return Card("waiting", title, rows or ("没有人等候",))


def _in_words(each: board.View, columns: int) -> str:
    """How long it takes stands on a line of its own where it would be cut."""
    who, long = f"{each['name']} {each['waiting']}人", each["estimate"]["words"]
    return f"{who} {long}".rstrip() if width(f"{who} {long}") <= columns else f"{who}\n{long}".rstrip()


def _theme(hall: Hall, screen: Screen, now: Now) -> str:
    if screen.theme != "clock":
        return screen.theme
    time = local(now.at, hall.zone_info).strftime("%H:%M")
    return "light" if hall.screens.light.start <= time < hall.screens.light.end else "dark"


def _emergency_size(screen: Screen, text: str, tall: bool) -> int:
    """The first of `EMERGENCY_SIZES` in which the text fits over the whole panel; else the last."""
    wide, high = (SHORT, LONG) if tall else (LONG, SHORT)
    for nth, share in enumerate(EMERGENCY_SIZES):
        px = share * screen.row
        if len(wrap(text, int((wide - 4 * SIDE_PX) / px))) * ROW_HEIGHT * px <= high - 4 * HEAD_PX:
            return nth
    return len(EMERGENCY_SIZES) - 1
