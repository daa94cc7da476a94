"""The ledger of the hall's equipment: what there is, what is due, an item with its entries, the form for the next."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.clock import local
from edge.devices import ledger
from edge.guard import needs
from edge.pages.forms import Sent, go, once, sent, told, write
from edge.pages.ops_shapes import lasting
from edge.pages.ops_tables import table
from edge.pages.render import page
from edge.parts import Parts, actor_of, parts_of
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/ledger"
NUMBER = re.compile(r"[\w.·#（）()/-]{1,40}")
LONGEST = 200
RECENT = 20
HEADS = {
    "统一编号": "number",
    "名称": "name",
    "类别": "category",
    "型号": "model",
    "位置": "place",
    "保管人": "keeper",
    "状态": "state_word",
    "状态起于": "since",
    "借用人": "holder",
    "应还日期": "due",
    "最近盘点": "counted",
    "设备": "device",
}
ENTRY_HEADS = {
    "序号": "seq",
    "时间": "at",
    "统一编号": "number",
    "登记": "kind_word",
    "名称": "name",
    "类别": "category",
    "型号": "model",
    "设备": "device",
    "位置": "place",
    "保管人": "keeper",
    "经手人": "who",
    "批准人": "approved_by",
    "验收人": "checked_by",
    "结果或原因": "reason_word",
    "应还日期": "due",
    "说明": "note",
    "登记端": "actor",
}
REASON_WORDS = {**ledger.REASONS, **ledger.FOUND, "": ""}
Row = dict[str, Any]


@router.get(HERE, dependencies=[needs("ops")])
def items(request: Request, done: str = "") -> Response:
    """Those that `state`, `category` and `q` (part of anything) leave; with `number` one item and all its entries."""
    return _page(request, Sent(dict(request.query_params)), done="已登记" if done else "")


@router.post(HERE, dependencies=[needs("ops")])
async def enter(request: Request) -> Response:
    form = await sent(request)
    try:
        await write(request, form, ledger.enter, ledger.Enter(_entry(form), actor_of(request, "ops")))
    except Refused as refusal:
        return _page(request, form, refusal)
    return go(HERE, number=form["number"], done=1)


def _entry(form: Sent) -> ledger.Entry:
    """Raises Refused (422)."""
    given = {name: form[name] for name in ledger.FIELDS}
    if long := next((name for name, value in given.items() if len(value) > LONGEST), None):
        raise Refused("entry_unfit", f"没有登记，{ledger.LABELS.get(long, '有一栏')}太长", long, 422)
    if given["number"] and not NUMBER.fullmatch(given["number"]):
        raise Refused("entry_unfit", "没有登记，编号里只能有字、数字和 - . # / ( )", given["number"], 422)
    if given["due"] and not _is_day(given["due"]):
        raise Refused("entry_unfit", "没有登记，应还日期要写成 2026-03-31", given["due"], 422)
    return ledger.Entry(**given)  # type: ignore[arg-type]  # `enter` refuses a kind that is none


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# ---- tables


@router.get(f"{HERE}/items.csv", dependencies=[needs("ops")])
def items_csv(request: Request) -> Response:
    return _table("设备台账.csv", HEADS, _items(parts_of(request)))


@router.get(f"{HERE}/entries.csv", dependencies=[needs("ops")])
def entries_csv(request: Request) -> Response:
    parts = parts_of(request)
    with parts.database.read() as connection:
        found = ledger.written(connection)
    return _table("设备台账流水.csv", ENTRY_HEADS, _entries(parts, found))


def _table(name: str, heads: dict[str, str], rows: list[Row]) -> Response:
    return table(name, list(heads), ([row[each] for each in heads.values()] for row in rows))


# ---- the page


def _page(request: Request, form: Sent, refusal: Refused | None = None, done: str = "") -> Response:
    parts, at = parts_of(request), parts_of(request).clock.now()
    everything = _items(parts)
    number = form["number"] if form["kind"] != "registered" else ""  # one that is taken must not become another's page
    one = next((each for each in everything if each["number"] == number), None)
    with parts.database.read() as connection:
        found = ledger.written(connection, number) if one else ledger.written(connection)[:RECENT]
        idle = ledger.to_seal(connection, parts.hall, at.at)
    registered = {each["device"] for each in everything if each["state"] != "scrapped"}
    kind = form["kind"] if form["kind"] in ledger.KINDS else "keeper" if one else "registered"
    return page(
        request,
        "ops_ledger",
        refusal.status if refusal else 200,
        page="ops attendance",
        here="ledger",
        items=[each for each in everything if _wanted(each, form)],
        count=len(everything),
        one=one,
        entries=_entries(parts, found),
        due=_due(everything, idle, at.at, at.day),
        kinds=list(ledger.KINDS.items()),
        kind=kind,
        needs=ledger.NEEDS[kind],  # type: ignore[index]
        states=list(ledger.STATES.items()),
        categories=sorted({each["category"] for each in everything if each["category"]}),
        reasons={"scrapped": list(ledger.REASONS.items()), "counted": list(ledger.FOUND.items())}.get(kind, []),
        devices=[(each.id, each.name) for each in parts.hall.devices if each.id not in registered],
        device_names={each.id: each.name for each in parts.hall.devices},
        form=_known(parts, form, one),
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )


def _known(parts: Parts, form: Sent, one: Row | None) -> dict[str, str]:
    """What the form begins with: of a device of the hall file its name."""
    device = parts.hall.device.get(form["device"])
    usual = {"name": device.name} if device and one is None else {}
    return usual | dict(form.fields)


def _items(parts: Parts) -> list[Row]:
    zone = parts.hall.zone_info
    with parts.database.read() as connection:
        found = ledger.items(connection)
    return [
        {
            **{name: getattr(each, name) for name in ("number", "name", "category", "model", "device", "place")},
            "keeper": each.keeper,
            "state": each.state,
            "state_word": ledger.STATES[each.state],
            "since": f"{local(each.since, zone):%Y-%m-%d}",
            "holder": each.holder,
            "due": each.due,
            "counted": f"{local(each.counted, zone):%Y-%m-%d}" if each.counted else "",
            "faulty": each.faulty,
        }
        for each in found
    ]


def _entries(parts: Parts, found: list[ledger.Written]) -> list[Row]:
    zone = parts.hall.zone_info
    return [
        {
            **{name: getattr(each.entry, name) for name in ledger.FIELDS},
            "seq": each.seq,
            "at": f"{local(each.at, zone):%Y-%m-%d %H:%M}",
            "kind_word": ledger.KINDS[each.entry.kind],
            "reason_word": REASON_WORDS.get(each.entry.reason, each.entry.reason),
            "actor": each.actor,
        }
        for each in found
    ]


def _wanted(item: Row, form: Sent) -> bool:
    fits = all(form[name] in ("", item[name]) for name in ("state", "category"))
    return fits and form["q"].lower() in " ".join(str(value) for value in item.values()).lower()


def _due(everything: list[Row], idle: dict[str, int], at: int, day: str) -> list[dict[str, str]]:
    """What somebody should enter: to be sealed, overdue, to be repaired."""
    found = []
    for each in everything:
        words, kind = "", ""
        if each["number"] in idle:
            words, kind = f"已停用 {lasting(at - idle[each['number']])}，满一年应封存", "sealed"
        elif each["due"] and each["due"] < day:
            words, kind = f"{each['holder']}借用，{each['due']} 应还", "returned"
        elif each["faulty"]:
            words, kind = "已报修，修好请登记", "repair"
        if words:
            found.append({"number": each["number"], "name": each["name"], "words": words, "kind": kind})
    return found
