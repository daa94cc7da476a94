"""Which window serves what today: changed for the day or for good, and windows opened beside those of the hall file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.guard import needs
from edge.hall import Hall, Window
from edge.pages.forms import Sent, go, once, sent, told, write
from edge.pages.render import page
from edge.parts import actor_of, parts_of
from edge.queue import assigning
from edge.refusal import Refused
from edge.windows import skills
from edge.windows.desk import Close

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/windows"
DONE = {
    "set": "已改，窗口现在就按新业务叫号",
    "restored": "已恢复原业务",
    "added": "临时窗口已开",
    "closed": "临时窗口已撤",
}


@router.get(HERE, dependencies=[needs("ops")])
def windows_(request: Request, done: str = "") -> Response:
    return _page(request, Sent({}), done=DONE.get(done, ""))


@router.post(HERE, dependencies=[needs("ops")])
async def change(request: Request) -> Response:
    form, actor = await sent(request), actor_of(request, "ops")
    try:
        use_case, command = _wanted(parts_of(request).hall, form, actor)
        await write(request, form, use_case, command)
    except Refused as refusal:
        return _page(request, form, refusal)
    return go(HERE, done=form["act"])


def _wanted(hall: Hall, form: Sent, actor: str) -> tuple[Callable[..., object], object]:
    """The use case and its command. Raises Refused (422)."""
    number, reason = _number(form), form["reason"]
    if form["act"] == "restored":
        return assigning.restore, assigning.Restore(number, reason, actor)
    if form["act"] == "closed":
        return assigning.close, Close(number, actor)
    chosen = _chosen(hall, form)
    if not reason:
        raise Refused("no_reason", "没有保存，请写原因", status=422)
    if form["act"] == "added":
        return assigning.add, assigning.Add(number, form["name"], form["zone"], chosen, reason, actor)
    until: Literal["day"] | None = None if form["until"] == "changed" else "day"
    return assigning.set_skills, assigning.SetSkills(number, chosen, until, reason, actor)


def _number(form: Sent) -> int:
    """Raises Refused (422)."""
    if not (form["no"].isascii() and form["no"].isdigit() and 0 < int(form["no"]) < 10_000):
        raise Refused("no_number", "没有保存，窗口号写 1 到 9999", form["no"], 422)
    return int(form["no"])


def _chosen(hall: Hall, form: Sent) -> tuple[str, ...]:
    """Those that were ticked, the preferred one first. Raises Refused (422)."""
    found = [each.id for each in hall.services if form[f"skill-{each.id}"]]
    if not found:
        raise Refused("no_skills", "没有保存，请至少勾一项业务", status=422)
    return tuple(sorted(found, key=lambda each: each != form["first"]))


def _page(request: Request, form: Sent, refusal: Refused | None = None, done: str = "") -> Response:
    hall = parts_of(request).hall
    with parts_of(request).database.read() as connection:
        changes = {each.window: each for each in skills.changes(connection)}
    own = skills.in_file(hall)
    return page(
        request,
        "ops_windows",
        refusal.status if refusal else 200,
        page="ops attendance windows",
        here="windows",
        windows=[_row(hall, each, own.get(each.no), changes.get(each.no)) for each in hall.windows],
        services=hall.services,
        zones=sorted(hall.zones, key=lambda zone: all(each.zone != zone.id for each in hall.windows)),
        form=form.fields,
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )


def _row(hall: Hall, window: Window, filed: Window | None, change: skills.Change | None) -> dict[str, Any]:
    named = [hall.service[each].name for each in window.skills]
    changed = filed is not None and change is not None and bool(change.config)
    return {
        "no": window.no,
        "name": window.name,
        "zone": hall.zone[window.zone].name,
        "skills": window.skills,
        "words": "、".join(named),
        "extra": filed is None,
        "changed": changed,
        "before": "、".join(hall.service[each].name for each in filed.skills) if filed and changed else "",
        "until": "今天" if change is not None and change.until else "长期",
    }
