"""What is entered about people's time: the forms, what was written last, and one entry with its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.attendance import csvfile, history, record, roster, words
from edge.attendance.entries import KINDS as ALL_KINDS
from edge.attendance.entries import Entry, Leave
from edge.attendance.roster import Person
from edge.clock import local
from edge.guard import needs
from edge.pages import attendance_fields as fields
from edge.pages.attendance_judgement import judged
from edge.pages.forms import Sent, go, once, sent, table, told, write
from edge.pages.render import empty_table, missing, page
from edge.parts import actor_of, parts_of
from edge.refusal import Refused
from edge.statements import Statements

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/attendance/entries"
LISTED = 100
SOURCES = {"central": "中心", "csv": "表格导入", "ops": "本机登记"}
STATES = {"entered": "登记", "corrected": "更正", "withdrawn": "撤回"}
DONE = {"entered": "已登记", "corrected": "已更正", "withdrawn": "已撤回", "same": "和原来一样，什么也没有改"}


@router.get(HERE, dependencies=[needs("ops")])
def entries(request: Request) -> Response:
    """The form of one `kind`, filled with what else the address says; and what was written last."""
    return _page(request, Sent(dict(request.query_params)))


@router.post(HERE, dependencies=[needs("ops")])
async def enter(request: Request) -> Response:
    form = await sent(request)
    parts = parts_of(request)
    try:
        with parts.database.read() as connection:
            everybody = roster.people(connection)
        made = fields.entries_of(_kind(form), form.fields, everybody, parts.rules.zone)
        count = await write(request, form, history.enter_new, record.Enter(made, "ops", actor_of(request, "ops")))
    except Refused as refusal:
        return _page(request, form, refusal)
    if _kind(form) in fields.LISTS:
        return go(HERE, kind=_kind(form), done="entered", n=count)
    return go(f"{HERE}/{made[0].ref}", done="entered")


def _kind(form: Sent) -> str:
    return form["kind"] if form["kind"] in ALL_KINDS else "leave"


def _page(request: Request, form: Sent, refusal: Refused | None = None, at_fault: str = "") -> Response:
    """`at_fault`: the form beside the first that was refused, and stands open."""
    parts, kind = parts_of(request), _kind(form)
    zone, now = parts.rules.zone, parts.clock.now()
    with parts.database.read() as connection:
        everybody = roster.people(connection)
        written = history.last(connection, LISTED)
        proposed = history.next_ref(connection, fields.KINDS[kind][1], now.day)
    at = f"{local(now.at, zone):%Y-%m-%dT%H:%M}"
    usual = {"ref": proposed, "asked_at": at, "at": at, "first": now.day, "last": now.day}
    again = {"ref": proposed} if refusal is not None and refusal.code == "ref_taken" else {}
    return page(
        request,
        "attendance_entries",
        refusal.status if refusal else 200,
        page="attendance",
        here="entries",
        kind=kind,
        kinds={id_: word for id_, (word, _) in fields.KINDS.items()},
        form=usual | dict(form.fields) | again,
        written=_rows(written, everybody, request),
        at_fault=at_fault,
        refused=told(refusal) if refusal else None,
        done=_done(form),
        choices=_choices(request, everybody, _listed(everybody, form["unit"], date.fromisoformat(now.day))),
        unit_names={each.id: each.name for each in parts.hall.units},
        heads=" ".join(csvfile.ENTRY_HEADS),
        once=once(),
    )


def _done(form: Sent) -> str:
    count = form["n"]
    return DONE.get(form["done"], "") + (f"，{count} 条" if count.isdigit() and form["done"] in DONE else "")


def _listed(everybody: Sequence[Person], unit: str, today: date) -> list[Person]:
    return [each for each in everybody if each.here(today) and unit in ("", each.unit)]


def _choices(
    request: Request, everybody: Sequence[Person], listed: Sequence[Person], entry: Entry | None = None
) -> dict[str, object]:
    """What the selections of the forms offer."""
    profile, leave = parts_of(request).rules.profile, entry if isinstance(entry, Leave) else None
    retro = profile.leave.retro
    return {
        "everybody": everybody,
        "listed": listed,
        "leaves": list(words.LEAVES.items()),
        "duties": list(fields.DUTIES.items()),
        "found_by": fields.found_by(entry),
        "reported_by": list(fields.REPORTED_BY.items()),
        "excused": list(fields.EXCUSED.items()),
        "approvers": fields.approvers(profile, leave),
        "papers": fields.papers(profile, leave),
        "consent": retro is not None and "consent" in retro.needs,
    }


def _rows(written: Sequence[history.Written], everybody: Sequence[Person], request: Request) -> list[dict[str, object]]:
    zone, names = parts_of(request).rules.zone, {each.id: each.name for each in everybody}
    return [
        {
            "ref": each.entry.ref,
            "kind": fields.kind_words(each.entry),
            "person": each.entry.person,
            "name": names.get(each.entry.person, ""),
            "time": fields.time_words(each.entry, zone),
            "said": fields.said(each.entry),
            "state": each.state,
            "state_word": STATES[each.state],
            "holds": each.newest and not each.withdrawn,
            "at": f"{local(each.at, zone):%m-%d %H:%M}",
            "by": each.by,
            "source": SOURCES.get(each.source, each.source),
            "why": each.why,
        }
        for each in written
    ]


# ---- a whole table


@router.get(f"{HERE}/template.csv", dependencies=[needs("ops")])
def template() -> Response:
    return empty_table(csvfile.ENTRY_HEADS, "考勤登记.csv")


@router.post(f"{HERE}/import", dependencies=[needs("ops")])
async def import_(request: Request) -> Response:
    form = await sent(request)
    try:
        found = csvfile.entries(table(form), parts_of(request).rules.zone)
        command = record.Enter(found, "csv", actor_of(request, "ops"), form["why"])
        count = await write(request, form, record.enter, command)
    except Refused as refusal:
        return _page(request, form, refusal, at_fault="import")
    return go(HERE, done="same") if count == "0" else go(HERE, done="entered", n=count)


# ---- one entry


@router.get(HERE + "/{ref}", dependencies=[needs("ops")])
def one(request: Request, ref: str, done: str = "") -> Response:
    return _one(request, ref, done=DONE.get(done, ""))


@router.post(HERE + "/{ref}/correct", dependencies=[needs("ops")])
async def correct(request: Request, ref: str) -> Response:
    form, parts = await sent(request), parts_of(request)
    try:
        with parts.database.read() as connection:
            everybody, before = roster.people(connection), _holding(connection, ref)
        entry = fields.corrected(before, form.fields, everybody, parts.rules.zone)
        command = record.Enter((entry,), "ops", actor_of(request, "ops"), _why(form))
        count = await write(request, form, record.enter, command)
    except Refused as refusal:
        return _one(request, ref, form.fields, refusal)
    return go(f"{HERE}/{ref}", done="corrected" if count != "0" else "same")


@router.post(HERE + "/{ref}/withdraw", dependencies=[needs("ops")])
async def withdraw(request: Request, ref: str) -> Response:
    form = await sent(request)
    try:
        command = record.Withdraw(ref, "ops", actor_of(request, "ops"), _why(form))
        await write(request, form, record.withdraw, command)
    except Refused as refusal:
        return _one(request, ref, refusal=refusal, withdraw_why=form["why"])
    return go(f"{HERE}/{ref}", done="withdrawn")


def _holding(connection: Statements, ref: str) -> Entry:
    written = history.of(connection, ref)
    if not written:
        raise Refused("no_such_entry", "没有这条记录", ref, 404)
    return written[0].entry


def _why(form: Sent) -> str:
    if not form["why"]:
        raise Refused("why_missing", "没有保存，请写明原因", status=422)
    return form["why"]


def _one(
    request: Request,
    ref: str,
    typed: Mapping[str, str] | None = None,
    refusal: Refused | None = None,
    done: str = "",
    withdraw_why: str = "",
) -> Response:
    parts = parts_of(request)
    with parts.database.read() as connection:
        written, everybody = history.of(connection, ref), roster.people(connection)
        if not written:
            return missing(request, f"编号 {ref}")
        entry = written[0].entry
        person = next((each for each in everybody if each.id == entry.person), None)
        verdict = judged(connection, parts.rules, entry, person.role if person else "clerk")
    return page(
        request,
        "attendance_entry",
        refusal.status if refusal else 200,
        page="attendance",
        here="entries",
        ref=ref,
        entry=entry,
        kind=entry.kind,
        word=fields.kind_words(entry),
        time=fields.time_words(entry, parts.rules.zone),
        said=fields.said(entry),
        person=person,
        verdict=verdict,
        withdrawn=written[0].withdrawn,
        form=fields.fields_of(entry, parts.rules.zone) if typed is None else typed,
        withdraw_why=withdraw_why,
        written=_rows(written, everybody, request),
        refused=told(refusal) if refusal else None,
        done=done,
        choices=_choices(request, everybody, [person] if person else [], entry),
        once=once(),
    )
