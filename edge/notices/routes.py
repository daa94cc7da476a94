"""HTTP face of the paper forms: which there are, how each looks, and printing one at a window."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Speech
from edge.devices.aloud import read_aloud
from edge.guard import needs
from edge.notices.calls import SPOKEN, sentence, volume
from edge.notices.preview import preview
from edge.notices.slips import SlipTemplate, compose, fill
from edge.notices.spoken import read_page
from edge.parts import Parts, actor_of, parts_of, perform
from edge.queue import board, prints
from edge.refusal import Refused

router = APIRouter(prefix="/api/v1", tags=["notices"])


class NewNotice(BaseModel):
    """What a clerk wants on paper; persons are masked before anything is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    template: Annotated[str, Field(description="name of the form", examples=["supplement_notice"])]
    values: Annotated[dict[str, str], Field(description="its words", max_length=40)]
    ticket: Annotated[str, Field(description="id of the ticket it belongs to", max_length=64)] = ""


def _template(parts: Parts, name: str) -> SlipTemplate:
    if name not in parts.slips:
        raise Refused("no_such_form", "没有这种单据", f"template {name!r}", 404)
    return parts.slips[name]


@router.get("/announcements/{seq}.wav", dependencies=[needs("screen", "ops")])
async def audio(request: Request, seq: int) -> Response:
    """The call of this journal event as sound, as loud as the zone's loudspeaker; 404 when it is no call."""
    parts = parts_of(request)
    found = parts.journal.read(seq - 1, 1) if 0 < seq <= parts.journal.last else []
    call = next((each for each in found if each.seq == seq and each.type in SPOKEN), None)
    window = parts.hall.window.get(call.data["window"]) if call is not None else None
    if call is None or window is None:
        raise Refused("no_such_call", "没有这次叫号", status=404)
    zone = parts.hall.zone[window.zone]
    speech = Speech(sentence(parts.hall, call), volume(parts.hall, zone, call.at))
    return Response(await parts.hub.audio(zone.voice.device if zone.voice else None, speech), media_type="audio/wav")


class Shown(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    text: Annotated[str, Field(description="what the page shows", min_length=1, max_length=4000)]
    english: bool = False


@router.post("/kiosks/{kiosk_id}/aloud", dependencies=[needs("kiosk")])
async def aloud(request: Request, kiosk_id: str, body: Shown) -> Response:
    """What this kiosk shows, as sound (WAV); it is kept nowhere. 503 `no_voice`: this machine cannot read aloud."""
    if kiosk_id not in parts_of(request).hall.kiosk:
        raise Refused("no_such_kiosk", "没有这台取号机", f"kiosk {kiosk_id!r}", 404)
    sound = await read_aloud(body.text if body.english else read_page(body.text), english=body.english)
    if sound is None:
        raise Refused("no_voice", "这台机器不能朗读，需要帮助请找导办台", f"kiosk {kiosk_id!r}: espeak-ng", 503)
    return Response(sound, media_type="audio/wav")


@router.get("/slips", dependencies=[needs("window", "desk", "ops")])
def slips(request: Request) -> dict[str, Any]:
    """Every form with its words; `required` must be given, `masked` are about a person."""
    found = parts_of(request).slips
    return {
        "slips": [
            {
                "name": name,
                "title": each.title,
                "paper": each.paper,
                "words": list(each.words),
                "required": list(each.required),
                "masked": dict(each.masked),
            }
            for name, each in found.items()
        ]
    }


@router.get("/slips/{name}.svg", dependencies=[needs("window", "desk", "ops")])
def slip_preview(request: Request, name: str) -> Response:
    """The form with example values, as it comes out of the printer."""
    template = _template(parts_of(request), name)
    example = dict(template.words)
    picture = preview(compose(template, example | fill(template.model_copy(update={"required": ()}), example)))
    return Response(picture, media_type="image/svg+xml")


def _known(parts: Parts, no: int, template: SlipTemplate) -> dict[str, str]:
    """What a clerk need not type: the hall, the window, today, and who is signed in there."""
    with parts.database.read() as connection:
        staff = board.windows(connection, parts.hall, (no,))[0]["staff"]
    clerk = parts.hall.clerk.get(staff or "")
    known = {
        "hall": parts.hall.hall.name,
        "window": f"{no}号{parts.hall.window[no].name}",
        "date": parts.clock.now().day,
        "receiver": f"{clerk.name} {clerk.id}" if clerk else "",
        "phone": parts.hall.window[no].phone,
    }
    return {word: value for word, value in known.items() if word in template.words and value}


@router.post("/windows/{no}/notices", status_code=201, dependencies=[needs("window", "ops")])
async def print_notice(request: Request, no: int, body: NewNotice) -> Response:
    """Prints a form on the window's printer, if that holds the form's own paper."""
    parts = parts_of(request)
    if no not in parts.hall.window:
        raise Refused("no_such_window", f"没有{no}号窗口", status=404)
    template, printer = _template(parts, body.template), parts.hall.window[no].printer
    if printer is None or parts.hall.device[printer].paper != template.paper:
        raise Refused("no_such_paper", f"{no}号窗口没有装这种纸的打印机", f"{template.paper} paper is needed")
    values = fill(template, {**_known(parts, no, template), **body.values})
    command = prints.Notice(body.template, values, printer, body.ticket, no, actor_of(request, f"window:{no}"))
    return await perform(request, prints.print_notice, command, lambda _s, _n, job: {"job": job}, status=201)
