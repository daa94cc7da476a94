"""Publications: what is due, how far each has come, one person's part with objections and corrections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.attendance import publishing, views, words
from edge.attendance.months import Every, may_object
from edge.attendance.publishing import Publication
from edge.calendar import Overrides
from edge.clock import local
from edge.guard import needs
from edge.pages import attendance_sheet as sheets
from edge.pages.attendance_day import read_day
from edge.pages.forms import go, once, sent, told, write
from edge.pages.render import missing, page
from edge.parts import Parts, actor_of, parts_of
from edge.refusal import Refused
from edge.statements import Statements

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/attendance/results"
ONE = HERE + "/{publication}"
OF_PERSON = ONE + "/people/{person}"
EVERY = {every: words.TITLES[every] for every in get_args(Every)}
DONE = {
    "published": "已公示",
    "objected": "异议已登记",
    "answered": "已答复",
    "upheld": "已答复。异议成立：请先登记补卡、请假或“不予认定”，再按“更正结果”",
    "corrected": "结果已更正",
}


@router.get(HERE, dependencies=[needs("ops")])
def publications(request: Request) -> Response:
    """What waits to be published, and what was."""
    return _index(request)


@router.post(HERE, dependencies=[needs("ops")])
async def publish(request: Request) -> Response:
    form = await sent(request)
    try:
        every, first = form["every"], read_day(form["first"])
        if every not in EVERY or first is None:
            raise Refused("form_unfit", "没有公示，请选公示的种类，并写明其中的一天", status=422)
        command = publishing.Publish(parts_of(request).rules, cast(Every, every), first, actor_of(request, "ops"))
        id_ = await write(request, form, publishing.publish, command)
    except Refused as refusal:
        return _index(request, form.fields, refusal)
    return go(f"{HERE}/{id_}", done="published")


def _index(request: Request, form: Mapping[str, str] | None = None, refusal: Refused | None = None) -> Response:
    parts = parts_of(request)
    today = date.fromisoformat(parts.clock.now().day)
    with parts.database.read() as connection:
        due = views.due(connection, parts.rules, today)
        overrides = parts.rules.overrides(connection)
        found = [_state(parts, connection, each, overrides) for each in publishing.publications(connection)]
    return page(
        request,
        "attendance_results",
        refusal.status if refusal else 200,
        page="attendance",
        here="results",
        due=[(every, first, EVERY[every], words.period_words(every, first, last)) for every, first, last in due],
        found=found,
        every=list(EVERY.items()),
        month=f"{today:%Y-%m}",
        form=form or {"first": f"{today:%Y-%m-%d}"},
        refused=told(refusal) if refusal else None,
        once=once(),
    )


def _state(parts: Parts, connection: Statements, found: Publication, overrides: Overrides) -> dict[str, Any]:
    """How far a publication has come, and what it waits for."""
    zone, now = parts.rules.zone, local(parts.clock.now().at, parts.rules.zone)
    objections = views.objections(connection, found.id, parts.rules)
    waiting = sum(each["answered_at"] is None for each in objections)
    lock = found.lock_time(parts.rules, overrides)
    return {
        "id": found.id,
        "title": EVERY[found.every],
        "period": words.period_words(found.every, found.first, found.last),
        "at": f"{local(found.published_at, zone):%Y-%m-%d %H:%M}",
        "by": found.published_by,
        "open": found.locked_at is None and may_object(lock, now),
        "locked": found.locked_at is not None,
        "state": _state_words(parts, found, lock, now, waiting),
        "objections": objections,
        "waiting": waiting,
    }


def _state_words(parts: Parts, found: Publication, lock: datetime | None, now: datetime, waiting: int) -> str:
    if found.locked_at is not None:
        return f"已锁定（{local(found.locked_at, parts.rules.zone):%Y-%m-%d}）"
    if lock is None:
        return "公示中，截止日待放假安排公布后确定"
    if now < lock:
        return f"公示中，{words.until_words(lock, parts.rules.zone)} 前可提异议"
    return f"公示期已满，等 {waiting} 条异议答复后锁定" if waiting else "公示期已满，即将锁定"


# ---- one publication


@router.get(ONE, dependencies=[needs("ops")])
def one(request: Request, publication: str, unit: str = "", done: str = "") -> Response:
    parts = parts_of(request)
    try:
        with parts.database.read() as connection:
            found = publishing.publication(connection, publication)
            sheet = sheets.published(parts, connection, found)
            state = _state(parts, connection, found, parts.rules.overrides(connection))
            corrections = views.versions(connection, publication, parts.rules)
    except Refused:
        return missing(request, "这一期公示")
    return page(
        request,
        "attendance_sheet",
        page="attendance",
        here="results",
        sheet=sheet.of_unit(unit),
        unit=unit,
        unit_names=sheet.unit_names,
        state=state,
        address=f"{HERE}/{publication}",
        objected={each["staff"]: each["answered_at"] is None for each in state["objections"]},
        corrections=corrections,
        names=_names(sheet),
        done=DONE.get(done, ""),
    )


def _names(sheet: sheets.Sheet) -> dict[str, str]:
    return {row.person: row.name for unit in sheet.report.units for row in unit.rows}


@router.get(ONE + "/report", dependencies=[needs("ops")])
def report(request: Request, publication: str, unit: str = "", masked: bool = False) -> Response:
    """To be printed; `masked` for a public wall."""
    try:
        return sheets.printable(request, _sheet(request, publication).of_unit(unit), masked)
    except Refused:
        return missing(request, "这一期公示")


@router.get("/screen/attendance/{publication}", dependencies=[needs("screen", "ops")])
def shown(request: Request, publication: str) -> Response:
    """For a public screen: names masked, numbers only."""
    return report(request, publication, masked=True)


@router.get(ONE + "/{file}", dependencies=[needs("ops")])
def export(request: Request, publication: str, file: sheets.File, unit: str = "") -> Response:
    parts = parts_of(request)
    try:
        sheet = _sheet(request, publication).of_unit(unit)
    except Refused:
        return missing(request, "这一期公示")
    return sheets.exported(sheet, file, local(parts.clock.now().at, parts.rules.zone))


def _sheet(request: Request, publication: str) -> sheets.Sheet:
    parts = parts_of(request)
    with parts.database.read() as connection:
        return sheets.published(parts, connection, publishing.publication(connection, publication))


# ---- one person of it


@router.get(OF_PERSON, dependencies=[needs("ops")])
def person(request: Request, publication: str, person: str, done: str = "") -> Response:
    return _person(request, publication, person, done=DONE.get(done, ""))


@router.post(OF_PERSON + "/objections", dependencies=[needs("ops")])
async def object_(request: Request, publication: str, person: str) -> Response:
    form = await sent(request)
    try:
        said = _written(form["words"], "请写明异议的内容")
        rules = parts_of(request).rules
        command = publishing.Object(rules, publication, person, said, actor_of(request, "ops"))
        await write(request, form, publishing.object_, command)
    except Refused as refusal:
        return _person(request, publication, person, form.fields, refusal)
    return go(f"{HERE}/{publication}/people/{person}", done="objected")


@router.post(OF_PERSON + "/objections/{objection}", dependencies=[needs("ops")])
async def answer(request: Request, publication: str, person: str, objection: str) -> Response:
    form = await sent(request)
    upheld = form["upheld"] == "yes"
    try:
        if form["upheld"] not in ("yes", "no"):
            raise Refused("form_unfit", "没有保存，请选异议成立还是不成立", status=422)
        said = _written(form["answer"], "请写明答复")
        command = publishing.AnswerObjection(objection, said, upheld, actor_of(request, "ops"))
        await write(request, form, publishing.answer, command)
    except Refused as refusal:
        return _person(request, publication, person, {**form.fields, "objection": objection}, refusal)
    return go(f"{HERE}/{publication}/people/{person}", done="upheld" if upheld else "answered")


@router.post(OF_PERSON + "/correct", dependencies=[needs("ops")])
async def correct(request: Request, publication: str, person: str) -> Response:
    form = await sent(request)
    try:
        why = _written(form["why"], "请写明更正的原因")
        rules = parts_of(request).rules
        command = publishing.Correct(rules, publication, person, actor_of(request, "ops"), why)
        await write(request, form, publishing.correct, command)
    except Refused as refusal:
        return _person(request, publication, person, form.fields, refusal)
    return go(f"{HERE}/{publication}/people/{person}", done="corrected")


def _written(text: str, why: str) -> str:
    """Raises Refused (422) for nothing, and for more than anybody reads."""
    if not text:
        raise Refused("form_unfit", f"没有保存，{why}", status=422)
    if len(text) > 500:
        raise Refused("form_unfit", f"没有保存，最多写 500 个字，现在是 {len(text)} 个", status=422)
    return text


def _person(
    request: Request,
    publication: str,
    person: str,
    form: Mapping[str, str] | None = None,
    refusal: Refused | None = None,
    done: str = "",
) -> Response:
    parts = parts_of(request)
    try:
        with parts.database.read() as connection:
            found = publishing.publication(connection, publication)
            sheet = sheets.published(parts, connection, found, person)
            state = _state(parts, connection, found, parts.rules.overrides(connection))
            corrections = views.versions(connection, publication, parts.rules)
    except Refused:
        return missing(request, "这一期公示")
    if not sheet.report.units:
        return missing(request, f"这一期里的 {person}")
    return page(
        request,
        "attendance_result",
        refusal.status if refusal else 200,
        page="attendance",
        here="results",
        sheet=sheet,
        state=state,
        address=f"{HERE}/{publication}",
        objections=[each for each in state["objections"] if each["staff"] == person],
        corrections=[each for each in corrections if each["staff"] == person],
        form=form or {},
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )
