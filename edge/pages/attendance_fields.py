"""Between what stands in the fields of a form and what is entered about a person's time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from edge.attendance import csvfile, words
from edge.attendance.entries import MODELS, Away, Entry, Leave, in_zone
from edge.attendance.faults import fault_words
from edge.attendance.profile import Profile
from edge.attendance.roster import Person
from edge.refusal import Refused

Fields = Mapping[str, str]
KINDS = {
    "leave": ("请假", "QJ"),
    "outing": ("外出·报备", "WC"),
    "duty": ("值班·延时·加班", "ZB"),
    "roll_call": ("点名", "DM"),
    "study": ("学习签到", "XX"),
    "off_post": ("脱岗", "TG"),
    "manual_punch": ("补卡", "BK"),
    "excuse": ("不予认定", "RD"),
}
"""Kind -> its word, and how its proposed numbers begin."""
LISTS = ("roll_call", "study")
"""Entered for many people at once."""
DUTIES = {kind: word for word, kind in csvfile.DUTIES.items()}
FOUND_BY = {"patrol": "巡查发现", "empty_window": "空窗"}
REPORTED_BY = {"person": "本人", "unit": "派驻单位"}
EXCUSED = {kind: words.KINDS[kind] for kind in ("late", "early", "missing_punch", "one_sided", "off_post", "absent")}
LABELS = {
    "ref": "编号",
    "person": "人员",
    "start": "开始",
    "end": "结束",
    "asked_at": "申请时间",
    "approvals": "批准时间",
    "substitute": "顶岗人员",
    "filed_at": "顶岗备案时间",
    "on_post_at": "顶岗到岗时间",
    "until": "顶岗截止",
    "returned_at": "销假时间",
    "told_at": "报告时间",
    "registered_at": "登记时间",
    "approved_at": "批准时间",
    "reported_at": "报备时间",
    "place": "地点",
    "reason": "事由",
    "log": "值班记录",
    "finding": "结果",
    "direction": "上班或下班",
    "leave": "假别",
    "duty": "班别",
    "found_by": "发现方式",
}
PLAIN = {
    "leave": ("leave",),
    "outing": ("place", "reason", "reported_by"),
    "duty": ("duty", "log"),
    "off_post": ("found_by",),
    "manual_punch": ("direction",),
    "excuse": ("finding", "reason"),
}
"""Fields that go into the entry as they are."""
TIMES = {
    "leave": ("asked_at", "returned_at"),
    "outing": ("told_at", "registered_at", "approved_at"),
    "duty": ("reported_at",),
}
TICKS = {"leave": ("consent", "lone_window", "refused", "deceived"), "outing": ("recalled",)}
APPROVED, PAPER, PRESENT, REASON = "approved.", "paper.", "present.", "reason."
YES, NO = "yes", "no"


# ---- from fields


def entries_of(kind: str, fields: Fields, everybody: Sequence[Person], zone: ZoneInfo) -> tuple[Entry, ...]:
    """What a form for something new holds. Raises Refused (422) with every fault in words."""
    ref = fields.get("ref", "")
    if kind not in LISTS:
        return (_entry(_one(kind, fields, everybody, zone) | {"ref": ref}),)
    called = [each.id for each in everybody if PRESENT + each.id in fields]
    if not called:
        raise _unfit("还没有选任何人")
    return tuple(_entry(_of_list(kind, fields, each, zone) | {"ref": f"{ref}-{each}"}) for each in called)


def corrected(before: Entry, fields: Fields, everybody: Sequence[Person], zone: ZoneInfo) -> Entry:
    """What the form makes of an entry that is known by its ref. Raises Refused (422)."""
    kind = before.kind
    same = {"ref": before.ref, "person": before.person}
    of_form = _of_list(kind, fields, before.person, zone) if kind in LISTS else _one(kind, fields, everybody, zone)
    return _entry(of_form | same)


def _entry(given: dict[str, Any]) -> Entry:
    try:
        return MODELS[given["kind"]].model_validate(given)
    except ValidationError as error:
        raise _unfit("；".join(dict.fromkeys(fault_words(error, LABELS)))) from error


def _unfit(why: str) -> Refused:
    return Refused("form_unfit", f"没有保存，请改一下：{why}", status=422)


def _one(kind: str, fields: Fields, everybody: Sequence[Person], zone: ZoneInfo) -> dict[str, Any]:
    given: dict[str, Any] = {"kind": kind} | _span(kind, fields, zone)
    given |= {name: fields[name] for name in PLAIN[kind] if name in fields}
    given |= {name: in_zone(fields[name], zone) for name in TIMES.get(kind, ()) if name in fields}
    given |= {name: True for name in TICKS.get(kind, ()) if name in fields}
    given |= _persons(fields, everybody, "person", "swapped_from" if kind == "duty" else "")
    return given | _of_leave(fields, everybody, zone) if kind == "leave" else given


def _span(kind: str, fields: Fields, zone: ZoneInfo) -> dict[str, object]:
    """One moment, whole days, or from one time to another."""
    names = {"manual_punch": ("at", "at"), "roll_call": ("at", "at"), "excuse": ("first", "last")}
    start, end = (fields.get(name, "") for name in names.get(kind, ("start", "end")))
    if kind == "excuse":
        start, end = start and f"{start}T00:00", end and f"{end}T23:59"
    return {name: in_zone(text, zone) for name, text in (("start", start), ("end", end)) if text}


def _persons(fields: Fields, everybody: Sequence[Person], *names: str) -> dict[str, str]:
    return {name: staff_no(fields[name], everybody) for name in names if name in fields}


def staff_no(typed: str, everybody: Sequence[Person]) -> str:
    """Of `1001`, `1001 王芳` or `王芳`. Raises Refused (422)."""
    first = typed.split()[0]
    if any(each.id == first for each in everybody):
        return first
    named = [each.id for each in everybody if each.name == typed]
    if len(named) == 1:
        return named[0]
    raise _unfit(f"有 {len(named)} 位叫“{typed}”，请写工号" if named else f"名册里没有“{typed}”，请写工号或姓名")


def _of_leave(fields: Fields, everybody: Sequence[Person], zone: ZoneInfo) -> dict[str, Any]:
    approvals = [
        {"by": name.removeprefix(APPROVED), "at": in_zone(at, zone)}
        for name, at in fields.items()
        if name.startswith(APPROVED)
    ]
    given: dict[str, Any] = {"approvals": approvals}
    given["papers"] = [name.removeprefix(PAPER) for name in fields if name.startswith(PAPER)]
    if "substitute" in fields:
        times = {name: in_zone(fields[name], zone) for name in ("filed_at", "on_post_at") if name in fields}
        until = {"until": fields["until"]} if "until" in fields else {}
        given["substitute"] = {"person": staff_no(fields["substitute"], everybody)} | times | until
    return given


def _of_list(kind: str, fields: Fields, person: str, zone: ZoneInfo) -> dict[str, Any]:
    said = {"kind": kind, "person": person, "present": fields.get(PRESENT + person) == YES}
    reason = {"reason": fields[REASON + person]} if kind == "study" and REASON + person in fields else {}
    return said | _span(kind, fields, zone) | reason


# ---- to fields


def fields_of(entry: Entry, zone: ZoneInfo) -> dict[str, str]:
    """What the form shows of an entry, so that sending it unchanged changes nothing."""
    body = entry.model_dump(exclude_none=True)
    shown = {name: str(value) for name, value in body.items() if isinstance(value, str)}
    shown |= {name: "on" for name, value in body.items() if value is True}
    shown |= {name: _typed(value, zone) for name, value in body.items() if isinstance(value, datetime)}
    shown |= {"at": shown["start"], "first": shown["start"][:10], "last": shown["end"][:10]}
    if entry.kind in LISTS:
        shown |= {PRESENT + entry.person: YES if body["present"] else NO, REASON + entry.person: body.get("reason", "")}
    return shown | _fields_of_leave(entry, zone) if isinstance(entry, Leave) else shown


def _fields_of_leave(entry: Leave, zone: ZoneInfo) -> dict[str, str]:
    shown = {APPROVED + each.by: _typed(each.at, zone) for each in entry.approvals}
    shown |= {PAPER + each: "on" for each in entry.papers}
    if (stands_in := entry.substitute) is not None:
        shown["substitute"] = stands_in.person
        times = {"filed_at": stands_in.filed_at, "on_post_at": stands_in.on_post_at}
        shown |= {name: _typed(at, zone) for name, at in times.items() if at is not None}
        shown["until"] = stands_in.until.isoformat() if stands_in.until else ""
    return shown


def _typed(at: datetime, zone: ZoneInfo) -> str:
    """As a field for a local time holds it; seconds only where there are some."""
    local = at.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second or local.microsecond else "minutes")


# ---- what a leave may name


def approvers(profile: Profile, entry: Leave | None = None) -> list[tuple[str, str]]:
    """Who approves a leave by the hall's rules, and who approved this one: (id, word)."""
    known = [each for level in profile.leave.levels for each in level.approve]
    return _named([*known, *(each.by for each in (entry.approvals if entry else ()))])


def papers(profile: Profile, entry: Leave | None = None) -> list[tuple[str, str]]:
    leave = profile.leave
    known = [each for level in leave.levels for each in level.papers]
    known += [leave.sick_proof.paper] if leave.sick_proof else []
    known += ["proof"] if leave.retro and "proof" in leave.retro.needs else []
    known += ["unit_document"] if leave.training_not_in_cap else []
    return _named([*known, *(entry.papers if entry else ())])


def found_by(entry: Entry | None = None) -> list[tuple[str, str]]:
    """How somebody is found away, and how this one was."""
    own = {entry.found_by: entry.found_by} if isinstance(entry, Away) else {}
    return list((own | FOUND_BY).items())


def _named(ids: Sequence[str]) -> list[tuple[str, str]]:
    return [(each, words.names([each])) for each in dict.fromkeys(ids)]


# ---- in words


def kind_words(entry: Entry) -> str:
    """`病假`, `午间值班`, `点名`"""
    if entry.kind == "leave":
        return words.LEAVES[entry.leave]
    return DUTIES[entry.duty] if entry.kind == "duty" else KINDS[entry.kind][0]


def time_words(entry: Entry, zone: ZoneInfo) -> str:
    """`2026-03-02 08:30–12:00`; of an excuse the days."""
    start, end = entry.start.astimezone(zone), entry.end.astimezone(zone)
    if entry.kind == "excuse":
        return f"{start:%Y-%m-%d}" if start.date() == end.date() else f"{start:%Y-%m-%d} 至 {end:%m-%d}"
    if start == end:
        return f"{start:%Y-%m-%d %H:%M}"
    same_day = start.date() == end.date()
    return f"{start:%Y-%m-%d %H:%M}–{end:%H:%M}" if same_day else f"{start:%Y-%m-%d %H:%M} 至 {end:%m-%d %H:%M}"


def said(entry: Entry) -> str:
    """The rest of it: `批准：首席代表；顶岗：1003`"""
    return "；".join(each for each in _said(entry) if each)


def _said(entry: Entry) -> Iterator[str]:
    match entry.kind:
        case "leave":
            yield "批准：" + words.names([each.by for each in entry.approvals]) if entry.approvals else "还没有批准"
            yield f"材料：{words.names(entry.papers)}" if entry.papers else ""
            yield f"顶岗：{entry.substitute.person}" if entry.substitute else ""
            yield "未获批准" if entry.refused else ""
            yield "以欺骗手段取得" if entry.deceived else ""
        case "outing":
            yield from (entry.place, entry.reason, "单位召回" if entry.recalled else "")
        case "duty":
            yield f"替 {entry.swapped_from}" if entry.swapped_from else ""
            yield entry.log
        case "roll_call":
            yield "在岗" if entry.present else "不在岗"
        case "study":
            yield "已到" if entry.present else f"未到（{entry.reason or '无事由'}）"
        case "off_post":
            yield FOUND_BY.get(entry.found_by, entry.found_by)
        case "manual_punch":
            yield words.DIRECTIONS[entry.direction] or "不分上下班"
        case "excuse":
            yield f"{EXCUSED[entry.finding]}不计：{entry.reason}"
