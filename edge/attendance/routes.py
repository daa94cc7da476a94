"""HTTP face of attendance: the roster, what is entered, day results, publications, objections, the calendar."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.access.tokens import Identity
from edge.attendance import csvfile, publishing, record, results, roster, views
from edge.attendance.alarms import open_alarms
from edge.attendance.enrolment_views import overview
from edge.attendance.entries import Entry
from edge.attendance.months import Every
from edge.calendar import Override
from edge.clock import local
from edge.devices.terminals import terminals
from edge.guard import needs
from edge.parts import actor_of, identity_of, parts_of, perform
from edge.refusal import Refused

router = APIRouter(prefix="/api/v1/attendance", tags=["attendance"])
View = dict[str, Any]
LONGEST_TABLE = 4 * 1024 * 1024


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Why = Annotated[str, Field(max_length=200, description="why what was there before is changed")]
NonEmpty = Annotated[str, Field(min_length=1, max_length=500)]


class People(Body):
    people: Annotated[tuple[roster.Person, ...], Field(max_length=20_000)]


class Entries(Body):
    entries: Annotated[tuple[Annotated[Entry, Field(discriminator="kind")], ...], Field(max_length=20_000)]
    why: Why = ""


class Because(Body):
    why: Annotated[str, Field(min_length=1, max_length=200)]


class Year(Body):
    """The official notice of a year: days off beside weekends, and weekend days that are worked."""

    year: Annotated[int, Field(ge=2000, le=2100)]
    off: tuple[date, ...]
    working: tuple[date, ...] = ()


class OwnDays(Body):
    days: Annotated[tuple[Override, ...], Field(min_length=1, max_length=366)]


class Period(Body):
    every: Every
    first: Annotated[date, Field(description="a day of the period")]


class Objection(Body):
    person: roster.StaffNo
    words: NonEmpty


class Verdict(Body):
    answer: NonEmpty
    upheld: Annotated[bool, Field(description="the person was right")]


def _actor(request: Request) -> str:
    return actor_of(request, identity_of(request).role)


def _source(identity: Identity) -> Literal["central", "ops"]:
    return "central" if identity.role == "central" else "ops"


# ---- who, and what is entered


@router.get("/people", dependencies=[needs("ops", "central")])
def people(request: Request) -> View:
    """The roster."""
    with parts_of(request).database.read() as connection:
        return {"people": [each.model_dump(mode="json") for each in roster.people(connection)]}


@router.post("/people", dependencies=[needs("ops", "central")])
async def change_people(request: Request, body: People) -> Response:
    """Adds and changes persons; `changed` counts those that differ. 422: nothing was taken, `detail` says why."""
    return await _change(request, body.people)


async def _change(request: Request, persons: tuple[roster.Person, ...]) -> Response:
    command = roster.Changed(persons, _actor(request))
    return await perform(request, roster.change, command, lambda _s, _n, changed: {"changed": changed})


@router.get("/entries", dependencies=[needs("ops")])
def entries(request: Request) -> View:
    """The last 200 rows as they were written, the newest first."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"entries": views.entered(connection, parts.rules)}


@router.post("/entries", dependencies=[needs("ops", "central")])
async def enter(request: Request, body: Entries) -> Response:
    """Leaves, outings, duties, roll-calls, …: the same `ref` again corrects. `changed` counts what is new."""
    return await _enter(request, body.entries, _source(identity_of(request)), body.why)


async def _enter(request: Request, found: tuple[Entry, ...], source: record.Source, why: str) -> Response:
    command = record.Enter(found, source, _actor(request), why)
    return await perform(request, record.enter, command, lambda _s, _n, changed: {"changed": changed})


@router.post("/entries/{ref}/withdraw", dependencies=[needs("ops", "central")])
async def withdraw(request: Request, ref: str, body: Because) -> Response:
    command = record.Withdraw(ref, _source(identity_of(request)), _actor(request), body.why)
    return await perform(request, record.withdraw, command, lambda _s, _n, _r: {"ref": ref, "withdrawn": True})


@router.post("/import/{what}", dependencies=[needs("ops")])
async def import_(request: Request, what: Literal["people", "entries"], why: Annotated[str, Query()] = "") -> Response:
    """A CSV table as the body, UTF-8 or GB18030, heads in Chinese. 422 names each faulty line; then none is taken."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > LONGEST_TABLE:
            raise Refused("too_large", "表格太大，请分几次导入", f"more than {LONGEST_TABLE} bytes", 413)
    if what == "people":
        return await _change(request, csvfile.people(bytes(data)))
    return await _enter(request, csvfile.entries(bytes(data), parts_of(request).rules.zone), "csv", why)


# ---- results


@router.get("/days/{on}", dependencies=[needs("ops", "central")])
def day(request: Request, on: date, unit: str | None = None) -> View:
    """What the rules make of this day with everything known now, for everyone or one unit."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        known = results.known(connection, parts.rules, on, on)
    as_of = local(parts.clock.now().at, parts.rules.zone)
    found = results.day_results(parts.rules, known, on, on, as_of, unit)
    return {"on": on.isoformat(), "people": views.day(known.people, found, on)}


@router.get("/publications", dependencies=[needs("ops", "central")])
def publications(request: Request) -> View:
    """The newest first; `due` are periods that are over and wait to be published."""
    parts = parts_of(request)
    today = date.fromisoformat(parts.clock.now().day)
    with parts.database.read() as connection:
        overrides = parts.rules.overrides(connection)
        due = views.due(connection, parts.rules, today)
        found = publishing.publications(connection)
    return {
        "due": [{"every": every, "first": first.isoformat(), "last": last.isoformat()} for every, first, last in due],
        "publications": [views.published(each, parts.rules, overrides) for each in found],
    }


@router.post("/publications", status_code=201, dependencies=[needs("ops")])
async def publish(request: Request, body: Period) -> Response:
    """Publishes a period that is over, with its evidence, for objection. 409: not over, or published already."""
    command = publishing.Publish(parts_of(request).rules, body.every, body.first, _actor(request))
    return await perform(request, publishing.publish, command, lambda _s, _n, id_: {"id": id_}, 201)


@router.get("/publications/{publication}", dependencies=[needs("ops", "central")])
def publication(request: Request, publication: str) -> View:
    """Its results as they were published or last corrected, the corrections and the objections."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        found = publishing.publication(connection, publication)
        snapshots = publishing.snapshots(connection, publication)
        shown = views.published(found, parts.rules, parts.rules.overrides(connection))
        shown["objections"] = views.objections(connection, publication, parts.rules)
        shown["corrections"] = views.versions(connection, publication, parts.rules)
    return shown | {"results": views.results(found, snapshots)}


@router.post("/publications/{publication}/objections", status_code=201, dependencies=[needs("ops", "central")])
async def object_(request: Request, publication: str, body: Objection) -> Response:
    """409 `too_late`: the time for objections is over."""
    rules = parts_of(request).rules
    command = publishing.Object(rules, publication, body.person, body.words, _actor(request))
    return await perform(request, publishing.object_, command, lambda _s, _n, id_: {"id": id_}, 201)


@router.post("/objections/{objection}/answer", dependencies=[needs("ops")])
async def answer(request: Request, objection: str, body: Verdict) -> Response:
    command = publishing.AnswerObjection(objection, body.answer, body.upheld, _actor(request))
    return await perform(request, publishing.answer, command, lambda _s, _n, _r: {"id": objection})


@router.post("/publications/{publication}/results/{person}/correct", dependencies=[needs("ops")])
async def correct(request: Request, publication: str, person: str, body: Because) -> Response:
    """One more version of a person's result, from what is known now. 409 when nothing differs."""
    rules = parts_of(request).rules
    command = publishing.Correct(rules, publication, person, _actor(request), body.why)
    return await perform(request, publishing.correct, command, lambda _s, _n, version: {"version": version})


# ---- terminals and alarms


@router.get("/terminals", dependencies=[needs("ops")])
def terminals_(request: Request) -> View:
    """Who should be on which terminal, who is, and what is in the way; never a template, only whether there is one."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return overview(connection, parts.hall, parts.clock.now(), terminals(parts.hall))


@router.get("/alarms", dependencies=[needs("ops")])
def alarms(request: Request) -> View:
    """What is amiss now at windows and with the calendar: what, who, by which rule, and what to do."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"alarms": open_alarms(connection, parts.hall)}


# ---- the calendar


@router.get("/calendar/{year}", dependencies=[needs("ops")])
def calendar(request: Request, year: Annotated[int, Path(ge=2000, le=2100)]) -> View:
    """Every day of the year: working, day_off, duty or provisional (its official plan is not known), and by whom."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        overrides = parts.rules.overrides(connection)
    return {"days": views.calendar(parts.rules, overrides, date(year, 1, 1), date(year, 12, 31))}


@router.post("/calendar/days", dependencies=[needs("ops")])
async def set_days(request: Request, body: OwnDays) -> Response:
    """Days on which this hall differs: closed, off, working, extended (with its shifts), duty."""
    return await _set_days(request, body.days)


@router.post("/calendar/years", dependencies=[needs("ops")])
async def set_year(request: Request, body: Year) -> Response:
    """A year that the product does not know yet, from the official notice."""
    try:
        days = record.year_table(body.year, body.off, body.working)
    except ValueError as error:
        raise Refused("year_unfit", "放假安排有误", str(error), 422) from error
    return await _set_days(request, days)


async def _set_days(request: Request, days: tuple[Override, ...]) -> Response:
    command = record.SetDays(days, _actor(request))
    return await perform(request, record.set_days, command, lambda _s, _n, count: {"days": count})
