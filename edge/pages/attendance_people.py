"""The roster: who works in the hall, for whom and where; what they agree to; whether the terminals know them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from edge.attendance import csvfile, enrolment_views, roster, words
from edge.attendance.faults import fault_words
from edge.attendance.profile import Profile
from edge.attendance.roster import Changed, Person
from edge.clock import Now
from edge.database import Session
from edge.devices.terminals import terminals
from edge.guard import needs
from edge.hall import Hall
from edge.pages.forms import Sent, go, once, sent, table, told, write
from edge.pages.render import empty_table, page
from edge.parts import actor_of, parts_of
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/attendance/people"
LABELS = {field: head for head, field in csvfile.PEOPLE_HEADS.items()}
TEXTS = ("id", "name", "unit", "section", "role", "title", "since", "until", "letter", "fallback")
FALLBACKS = {kind: word for word, kind in csvfile.FALLBACKS.items()}
DONE = {"saved": "已保存", "same": "和原来一样，什么也没有改", "imported": "已导入"}


@router.get(HERE, dependencies=[needs("ops")])
def people(request: Request, edit: str = "", done: str = "", n: str = "") -> Response:
    """The roster; with `edit` the form is filled with this person."""
    more = f"，{n} 人有变化" if n.isdigit() else ""
    return _page(request, None, edit, done=DONE[done] + more if done in DONE else "")


@router.post(HERE, dependencies=[needs("ops")])
async def save(request: Request) -> Response:
    """Adds a person; with the field `known`, changes that one."""
    form = await sent(request)
    try:
        command = Changed((person_of(form, parts_of(request).hall),), actor_of(request, "ops"))
        count = await write(request, form, roster.change if form["known"] else add, command)
    except Refused as refusal:
        return _page(request, form, form["known"], refusal, at_fault="person")
    return go(HERE, done="same" if count == "0" else "saved")


def add(session: Session, hall: Hall, now: Now, command: Changed) -> int:
    """As `roster.change`, for somebody whom the roster does not know yet. Raises Refused (409)."""
    (new,) = command.persons
    there = next((each for each in roster.people(session.connection) if each.id == new.id), None)
    if there is not None:
        raise Refused("known_person", f"工号 {new.id} 已经是{there.name}的；要改{there.name}，请点他那一行的“修改”")
    return roster.change(session, hall, now, command)


@router.get(f"{HERE}/template.csv", dependencies=[needs("ops")])
def template() -> Response:
    return empty_table(csvfile.PEOPLE_HEADS, "人员名册.csv")


@router.post(f"{HERE}/import", dependencies=[needs("ops")])
async def import_(request: Request) -> Response:
    form = await sent(request)
    try:
        command = Changed(csvfile.people(table(form)), actor_of(request, "ops"))
        count = await write(request, form, roster.change, command)
    except Refused as refusal:
        return _page(request, form, "", refusal, at_fault="import")
    return go(HERE, done="imported", n=count)


# ---- the form


def person_of(form: Sent, hall: Hall) -> Person:
    """Raises Refused (422) with every fault in words."""
    given: dict[str, Any] = {name: form[name] for name in TEXTS if form[name]}
    given["id"] = form["known"] or form["id"]
    given["consent"] = {name: form[name] for name in ("face", "fingerprint") if form[name]}
    given["terminals"] = [each for each in terminals(hall) if form[f"terminal.{each}"]]
    wrong = []
    try:
        given["posts"] = [*_posts(form["posts_a"], "A", hall), *_posts(form["posts_b"], "B", hall)]
        person = Person.model_validate(given)
    except ValidationError as error:
        wrong = list(fault_words(error, LABELS))
    except ValueError as error:
        wrong = [str(error)]
    else:
        if person.until is None or person.until >= person.since:
            return person
        wrong = ["离岗日期早于到岗日期"]
    raise Refused("form_unfit", f"没有保存，请改一下：{'；'.join(wrong)}", status=422)


def _posts(typed: str, part: str, hall: Hall) -> list[dict[str, object]]:
    """`3、5`. Raises ValueError."""
    found = [int(each) for each in re.findall(r"[0-9]+", typed)]
    if re.sub(r"[0-9\s,，、;；号窗口]", "", typed):
        raise ValueError(f"{part}角窗口“{typed}”只写窗口号，例如 3、5")
    if strange := [str(each) for each in found if each not in hall.window]:
        raise ValueError(f"没有 {'、'.join(strange)} 号窗口")
    return [{"window": each, "part": part} for each in found]


def _shown(person: Person) -> dict[str, str]:
    """What the form shows of a person."""
    form = {name: str(value) for name, value in person.model_dump().items() if name in TEXTS and value is not None}
    for part in "AB":
        form[f"posts_{part.lower()}"] = "、".join(str(each.window) for each in person.posts if each.part == part)
    form |= {name: str(value) for name, value in person.consent.model_dump().items() if value is not None}
    return form | {f"terminal.{each}": "on" for each in person.terminals}


# ---- the page


def _page(
    request: Request,
    form: Sent | None,
    edit: str = "",
    refusal: Refused | None = None,
    done: str = "",
    at_fault: str = "",
) -> Response:
    """`at_fault`: the form that was refused, which stands open."""
    parts = parts_of(request)
    hall, now, devices = parts.hall, parts.clock.now(), terminals(parts.hall)
    with parts.database.read() as connection:
        everybody = roster.people(connection)
        enrolled = enrolment_views.overview(connection, hall, now, devices)
    today = date.fromisoformat(now.day)
    edited = next((each for each in everybody if each.id == edit), None)
    roles = _roles(parts.rules.profile, everybody)
    usual = _shown(edited) if edited else {"since": now.day, "role": "clerk", "fallback": "card"}
    return page(
        request,
        "attendance_people",
        refusal.status if refusal else 200,
        page="attendance",
        here="people",
        units=_by_unit(hall, [each for each in everybody if not _gone(each, today)]),
        gone=[each for each in everybody if _gone(each, today)],
        enrolled={each["staff"]: each for each in enrolled["staff"]},
        terminals=enrolled["terminals"],
        device_names={each: hall.device[each].name for each in devices},
        edited=edited,
        form=dict(form.fields) if form else usual,
        unit_choices=[(each.id, each.name) for each in hall.units],
        roles=roles,
        fallbacks=list(FALLBACKS.items()),
        heads=" ".join(csvfile.PEOPLE_HEADS),
        at_fault=at_fault,
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )


def _gone(person: Person, today: date) -> bool:
    return person.until is not None and person.until < today


def _by_unit(hall: Hall, persons: list[Person]) -> list[tuple[str, list[Person]]]:
    named = {each.id: each.name for each in hall.units}
    of_unit: dict[str, list[Person]] = {each: [] for each in named}
    for each in persons:
        of_unit.setdefault(each.unit, []).append(each)
    return [(named.get(unit, unit), mine) for unit, mine in of_unit.items() if mine]


def _roles(profile: Profile, everybody: list[Person]) -> list[tuple[str, str]]:
    """Those that the hall's rules or its people name."""
    of_rules = [cap.role for cap in profile.leave.caps]
    of_rules += [role for rule in profile.leave.substitutes for role in rule.roles]
    known = ["clerk", "chief_representative", *of_rules, *(each.role for each in everybody)]
    return [(each, words.names([each])) for each in dict.fromkeys(known)]
