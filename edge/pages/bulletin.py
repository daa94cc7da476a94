"""The ops page of the bulletin: texts over everything, what waits for approval, what is shown, and the entry form."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ValidationError

from edge.bulletin import bodies, desk, emergencies, views
from edge.guard import needs
from edge.pages.forms import Sent, go, once, sent, told, write
from edge.pages.render import page
from edge.parts import actor_of, parts_of
from edge.refusal import Refused

Body = TypeVar("Body", bound=BaseModel)
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/bulletin"
DONE = {
    "entered": "已录入，请另一位同志审核",
    "approved": "审核通过",
    "withdraw": "已撤下",
    "move": "顺序已改",
    "set": "紧急通知已上屏",
    "cleared": "紧急通知已撤下",
}
FIELDS = {
    "kind": "种类",
    "title": "标题",
    "text": "内容",
    "results": "结果",
    "first": "开始日期",
    "last": "结束日期",
    "by": "姓名",
    "version": "版本",
}
ORGANISATION = "单位"
"""In the sixth column of a result: the applicant is one, and is shown by name."""


@router.get(HERE, dependencies=[needs("ops")])
def index(request: Request, edit: str = "", done: str = "") -> Response:
    """`edit` names the entry whose newest version the form holds."""
    return _index(request, {"entry": edit}, done=DONE.get(done, ""))


@router.post(HERE, dependencies=[needs("ops")])
async def enter(request: Request) -> Response:
    """A new entry, or the next version of `entry`."""
    form = await sent(request)
    try:
        body = _read(bodies.Entry, {"kind": form["kind"], "results": _results(form["results"]), **_content(form)})
        command = body.enter(body.kind, actor_of(request, "ops"), form["entry"] or None)
        await write(request, form, desk.enter, command)
    except Refused as refusal:
        return _index(request, {**form.fields, "zones": _zones(form)}, refusal)
    return go(HERE, done="entered")


@router.post(HERE + "/{entry}/approve", dependencies=[needs("ops")])
async def approve(request: Request, entry: str) -> Response:
    form = await sent(request)
    try:
        body = _read(bodies.Approval, {"version": form["version"], "by": form["by"]})
        command = desk.Approve(entry, body.version, body.by, actor_of(request, "ops"))
        await write(request, form, desk.approve, command)
    except Refused as refusal:
        return _index(request, {}, refusal)
    return go(HERE, done="approved")


@router.post(HERE + "/{entry}/{move}", dependencies=[needs("ops")])
async def move(request: Request, entry: str, move: Literal["earlier", "later", "withdraw"]) -> Response:
    form, actor = await sent(request), actor_of(request, "ops")
    try:
        if move == "withdraw":
            by = _read(bodies.Signed, {"by": form["by"]}).by
            await write(request, form, desk.withdraw, desk.Withdraw(entry, by, actor))
        else:
            await write(request, form, desk.move, desk.Move(entry, move == "earlier", actor))
    except Refused as refusal:
        return _index(request, {}, refusal)
    return go(HERE, done="withdraw" if move == "withdraw" else "move")


@router.post("/ops/emergencies", dependencies=[needs("ops")])
async def set_emergency(request: Request) -> Response:
    form = await sent(request)
    try:
        body = _read(bodies.Emergency, {"text": form["words"], "zones": _zones(form), "by": form["by"]})
        command = emergencies.Raise(body.text, body.zones, body.by, actor_of(request, "ops"))
        await write(request, form, emergencies.raise_, command)
    except Refused as refusal:
        return _index(request, {**form.fields, "zones": _zones(form)}, refusal)
    return go(HERE, done="set")


@router.post("/ops/emergencies/{emergency}/clear", dependencies=[needs("ops")])
async def clear_emergency(request: Request, emergency: str) -> Response:
    form = await sent(request)
    try:
        by = _read(bodies.Signed, {"by": form["by"]}).by
        command = emergencies.Clear(emergency, by, actor_of(request, "ops"))
        await write(request, form, emergencies.clear, command)
    except Refused as refusal:
        return _index(request, {}, refusal)
    return go(HERE, done="cleared")


# ---- what the form says


def _content(form: Sent) -> dict[str, Any]:
    return {
        "title": form["title"],
        "text": form["text"],
        "zones": _zones(form),
        "first": form["first"],
        "last": form["last"] or None,
        "by": form["by"],
    }


def _zones(form: Sent) -> tuple[str, ...]:
    return tuple(name.removeprefix("zone-") for name in form.fields if name.startswith("zone-"))


def _results(text: str) -> list[dict[str, Any]]:
    """Lines of 项目名称, 申请人, 申请编号, 办结时间, 办事结果, typed or from a table. Raises Refused (422)."""
    rows = csv.reader(io.StringIO(text.replace("，", ",")), delimiter="\t" if "\t" in text else ",")
    found = []
    for row in (each for each in rows if any(each)):
        cells = [each.strip() for each in (*row, *[""] * (6 - len(row)))]
        if len(row) < 5:
            raise Refused("form_unfit", f"没有保存，“{cells[0]}”这一行不到五列", status=422)
        named = dict(zip(("project", "applicant", "number", "finished", "result"), cells, strict=False))
        found.append({**named, "organisation": cells[5] == ORGANISATION})
    return found


def _lines(results: list[dict[str, Any]]) -> str:
    """As `_results` reads them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    for each in results:
        cells = [each[name] for name in ("project", "applicant", "number", "finished", "result")]
        writer.writerow([*cells, *([ORGANISATION] if each["organisation"] else [])])
    return out.getvalue()


def _read(model: type[Body], given: Mapping[str, Any]) -> Body:
    """Raises Refused (422) in the words of the form."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        where = dict.fromkeys(FIELDS.get(str(each["loc"][0]), str(each["loc"][0])) for each in error.errors())
        raise Refused("form_unfit", f"没有保存，请填写或改正：{'、'.join(where)}", str(error), 422) from error


# ---- the page


def _index(request: Request, form: dict[str, Any], refusal: Refused | None = None, done: str = "") -> Response:
    parts = parts_of(request)
    day = parts.clock.now().day
    with parts.database.read() as connection:
        entries = views.entries(connection, parts.hall, day)
        standing = views.standing(connection, parts.hall)
    edited = next((each for each in entries if each["id"] == form.get("entry") and not each["withdrawn_by"]), None)
    if edited is not None and refusal is None:
        newest = edited["versions"][0]
        form |= {"kind": edited["kind"], **newest, "results": _lines(newest["results"])}
    return page(
        request,
        "ops_bulletin",
        refusal.status if refusal else 200,
        page="ops attendance",
        here="bulletin",
        waiting=[each for each in entries if not each["withdrawn_by"] and each["versions"][0]["approved_by"] is None],
        standing=[each for each in entries if not each["withdrawn_by"]],
        withdrawn=[each for each in entries if each["withdrawn_by"]],
        emergencies=standing,
        kinds=list(desk.KIND_WORDS.items()),
        edited=edited,
        form={"first": day, "zones": (), **form},
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )
