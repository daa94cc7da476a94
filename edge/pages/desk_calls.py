"""Who calls for help at a kiosk, on every page of the help desk: somebody goes, and says what was done."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.guard import needs
from edge.pages import render
from edge.pages.desk_form import DESK
from edge.pages.forms import Sent, go, sent, write
from edge.parts import actor_of, parts_of
from edge.refusal import Refused
from edge.windows import alerts

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = f"{DESK}/calls"


@router.get(HERE, dependencies=[needs("desk", "ops")])
def calls(request: Request) -> Response:
    return _fragment(request)


@router.post(f"{HERE}/{{alert}}/acknowledge", dependencies=[needs("desk", "ops")])
async def acknowledge(request: Request, alert: str) -> Response:
    form = await sent(request)
    command = alerts.Acknowledge(alert, form["by"][:40], actor_of(request, "desk"))
    return await _pressed(request, form, alerts.acknowledge, command)


@router.post(f"{HERE}/{{alert}}/close", dependencies=[needs("desk", "ops")])
async def close(request: Request, alert: str) -> Response:
    form = await sent(request)
    command = alerts.Close(alert, form["by"][:40], form["done"][:500], actor_of(request, "desk"))
    return await _pressed(request, form, alerts.close, command)


async def _pressed(request: Request, form: Sent, use_case: Callable[..., object], command: object) -> Response:
    try:
        if not form["by"]:
            raise Refused("form_unfit", "没有保存，请写谁去", status=422)
        _must_be_a_kiosk(request, request.path_params["alert"])
        await write(request, form, use_case, command)
    except Refused as refusal:
        return _fragment(request, refusal)
    return go(DESK)


def _must_be_a_kiosk(request: Request, alert: str) -> None:
    """The alarms of windows are not the desk's to end. Raises Refused (404)."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        if not alerts.alert(connection, parts.hall, alert)["kiosk"]:
            raise Refused("no_such_alert", "没有这个求助", status=404)


def _fragment(request: Request, refusal: Refused | None = None) -> Response:
    parts = parts_of(request)
    with parts.database.read() as connection:
        open_ = [each for each in alerts.open_alerts(connection, parts.hall) if each["kiosk"]]
    status = refusal.status if refusal is not None else 200
    return render.page(request, "desk_calls", status, calls=open_, refused=refusal)
