"""办事指南 on the kiosk: what a service asks for, seen and printed before a number is taken. Drawn into its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.guard import needs
from edge.hall import Hall, Kiosk, Service, Unit
from edge.hallguide import Guide
from edge.notices.slips import fill
from edge.pages.desk_form import can_print
from edge.pages.forms import once, sent, write
from edge.pages.render import missing, page
from edge.parts import actor_of, parts_of
from edge.queue import prints
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Lang = Literal["zh-CN", "en"]
SLIP = "guide"
TILES = 6
PRINTED = ("正在打印，请在下面取走", "Printing. Please take it below")
UNPRINTED = (
    "现在打不出来，请拍照，或到导办台",
    "It cannot be printed now. Take a photo, or go to the help desk",
)


# ---- which service


@router.get("/kiosk/{kiosk_id}/guide", dependencies=[needs("kiosk")])
def items(request: Request, kiosk_id: str, lang: Lang = "zh-CN", unit: str = "", n: int = 0) -> Response:
    """Services, six at a time; in a hall with more of them than that the units first."""
    hall = parts_of(request).hall
    if kiosk_id not in hall.kiosk:
        return missing(request, f"取号机 {kiosk_id}")
    unit = unit if unit in hall.unit else ""
    if len(hall.services) > TILES and not unit:
        entries = _units(hall, kiosk_id, lang)
    else:
        entries = _services(hall, kiosk_id, lang, unit)
    at = min(max(n, 0), max(len(entries) - 1, 0) // TILES)
    turns = [_path(kiosk_id, lang, unit=unit, n=each) for each in (at - 1, at + 1) if 0 <= each * TILES < len(entries)]
    return page(
        request,
        "kiosk_guide",
        lang=lang,
        entries=entries[at * TILES :][:TILES],
        back=turns.pop(0) if at else "",
        more=turns[0] if turns else "",
        up=_path(kiosk_id, lang) if unit else "",
    )


def _path(kiosk: str, lang: Lang, service: str = "", **query: object) -> str:
    asked = {key: value for key, value in query.items() if value}
    return f"/kiosk/{kiosk}/guide{service and '/'}{service}?{urlencode({'lang': lang, **asked})}"


def _units(hall: Hall, kiosk: str, lang: Lang) -> list[tuple[str, str, str]]:
    """Each: where it leads, name, and what stands above the name."""
    there = {each.unit for each in hall.services}
    return [(_path(kiosk, lang, unit=each.id), name(each, lang), "") for each in hall.units if each.id in there]


def _services(hall: Hall, kiosk: str, lang: Lang, unit: str) -> list[tuple[str, str, str]]:
    mine = [each for each in hall.services if unit in ("", each.unit)]
    return [(_path(kiosk, lang, each.id), name(each, lang), name(hall.unit[each.unit], lang)) for each in mine]


def name(thing: Service | Unit, lang: Lang) -> str:
    return (thing.name_en if lang == "en" else "") or thing.name


# ---- one service


@router.get("/kiosk/{kiosk_id}/guide/{service}", dependencies=[needs("kiosk")])
def item(request: Request, kiosk_id: str, service: str, lang: Lang = "zh-CN") -> Response:
    return _item(request, kiosk_id, service, lang, None)


@router.post("/kiosk/{kiosk_id}/guide/{service}", dependencies=[needs("kiosk")])
async def print_item(request: Request, kiosk_id: str, service: str, lang: Lang = "zh-CN") -> Response:
    """Prints it on the kiosk's printer; what was drawn once prints once, however often it is pressed."""
    hall, form = parts_of(request).hall, await sent(request)
    if kiosk_id not in hall.kiosk or service not in hall.service:
        return missing(request, f"办事指南 {service}")
    printer = _printer(request, hall.kiosk[kiosk_id])
    if printer is None:
        return _item(request, kiosk_id, service, lang, UNPRINTED)
    values = fill(parts_of(request).slips[SLIP], _slip_values(hall, hall.service[service], lang))
    command = prints.Notice(SLIP, values, printer, "", None, actor_of(request, f"kiosk:{kiosk_id}"))
    try:
        await write(request, form, prints.print_notice, command)
    except Refused as refusal:
        return _item(request, kiosk_id, service, lang, (refusal.title, refusal.title_en), form["once"])
    return _item(request, kiosk_id, service, lang, PRINTED, form["once"])


def _item(
    request: Request, kiosk_id: str, service: str, lang: Lang, told: tuple[str, str] | None, again: str = ""
) -> Response:
    hall = parts_of(request).hall
    if kiosk_id not in hall.kiosk or service not in hall.service:
        return missing(request, f"办事指南 {service}")
    return page(
        request,
        "kiosk_item",
        lang=lang,
        told=told and told[lang == "en"],
        up=_path(kiosk_id, lang, unit=hall.service[service].unit if len(hall.services) > TILES else ""),
        here=_path(kiosk_id, lang, service),
        once=(again or once()) if _printer(request, hall.kiosk[kiosk_id]) else "",
        **words(hall, hall.service[service], lang),
    )


def _printer(request: Request, kiosk: Kiosk) -> str | None:
    """Where it comes out now; it is longer than a ticket, but on the same paper."""
    parts = parts_of(request)
    if kiosk.printer is None or not can_print(parts, kiosk):
        return None
    return kiosk.printer if parts.hall.device[kiosk.printer].paper == parts.slips[SLIP].paper else None


def words(hall: Hall, service: Service, lang: Lang) -> dict[str, Any]:
    """As the visitor reads them: in English where the hall file has it."""
    guide: Guide | None = service.guide
    en = guide.en if guide and lang == "en" else None
    return {
        "service": service,
        "title": name(service, lang),
        "unit": name(hall.unit[service.unit], lang),
        "guide": guide,
        "conditions": (en and en.conditions) or (guide.conditions if guide else ()),
        "materials": (en and en.materials) or service.materials,
        **{
            key: (en and getattr(en, key)) or (getattr(guide, key) if guide else "")
            for key in ("time_limit", "fee", "basis")
        },
        "windows": (", " if lang == "en" else "、").join(_window(each, lang) for each in hall.places[service.id]),
        "version": f"{guide.version}　{guide.published}" if guide else "",
    }


def _window(place: Mapping[str, Any], lang: Lang) -> str:
    """The names of windows and floors have no English."""
    return str(place["no"]) if lang == "en" else f"{place['floor']}{place['no']}号{place['name']}"


def _slip_values(hall: Hall, service: Service, lang: Lang) -> dict[str, str]:
    told = words(hall, service, lang)
    plain = ("unit", "time_limit", "fee", "basis", "windows", "version")
    return {
        "hall": hall.hall.name,
        "service": told["title"],
        "conditions": _numbered(told["conditions"]),
        "materials": _numbered(told["materials"]),
        **{key: told[key] for key in plain},
    }


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{n}. {each}" for n, each in enumerate(lines, 1))
