"""Reads what a hall keeps in a table program: the roster, leaves, outings, duties, as CSV with Chinese heads.

UTF-8 or GB18030. A cell that holds several things parts them by `;`. A fault is told by line, and then nothing is
taken.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from edge.attendance.entries import ENTRY, Entry, in_zone
from edge.attendance.faults import fault_words
from edge.attendance.roster import Person
from edge.refusal import Refused

Row = dict[str, str]
Made = TypeVar("Made")
MOST_ROWS = 20_000
MORE = " "
"""Where the reader puts cells that have no head."""

PEOPLE_HEADS = {
    "工号": "id",
    "姓名": "name",
    "单位": "unit",
    "科室": "section",
    "角色": "role",
    "职务": "title",
    "窗口": "posts",
    "到岗日期": "since",
    "离岗日期": "until",
    "调整函": "letter",
    "同意人脸": "face",
    "同意指纹": "fingerprint",
    "备用方式": "fallback",
    "考勤机": "terminals",
}
ENTRY_HEADS = {
    "编号": "ref",
    "类别": "kind",
    "工号": "person",
    "开始": "start",
    "结束": "end",
    "申请时间": "asked_at",
    "批准": "approvals",
    "材料": "papers",
    "顶岗人": "substitute",
    "顶岗备案": "filed_at",
    "顶岗到岗": "on_post_at",
    "销假": "returned_at",
    "报告时间": "told_at",
    "登记时间": "registered_at",
    "地点": "place",
    "事由": "reason",
}
LEAVES = {
    "事假": "personal",
    "病假": "sick",
    "年假": "annual",
    "公休假": "annual",
    "婚假": "marriage",
    "产假": "maternity",
    "丧假": "funeral",
    "探亲假": "home_visit",
    "培训": "training",
}
DUTIES = {"午间值班": "noon", "休息日值班": "day_off", "延时服务": "extended", "加班": "overtime"}
ROLES = {"工作人员": "clerk", "首席代表": "chief_representative"}
FALLBACKS = {"刷卡": "card", "密码": "pin", "人工": "manual"}
TIMES = ("start", "end", "asked_at", "returned_at", "told_at", "registered_at", "filed_at", "on_post_at")


def people(data: bytes) -> tuple[Person, ...]:
    """The roster. Raises Refused (422)."""
    return _read(data, PEOPLE_HEADS, _person)


def entries(data: bytes, zone: ZoneInfo) -> tuple[Entry, ...]:
    """Leaves, outings and duties; times without a zone are the hall's. Raises Refused (422)."""
    return _read(data, ENTRY_HEADS, lambda row: ENTRY.validate_python(_entry(row, zone)))


def _read(data: bytes, heads: Mapping[str, str], make: Callable[[Row], Made]) -> tuple[Made, ...]:
    made, wrong = [], []
    for line, row in _rows(data, heads):
        try:
            made.append(make(row))
        except ValidationError as error:
            wrong += [f"第{line}行：{each}" for each in fault_words(error, {key: head for head, key in heads.items()})]
        except ValueError as error:
            wrong.append(f"第{line}行：{error}")
    if wrong:
        raise Refused("bad_table", "表格有误，没有导入任何一行", "; ".join(wrong[:20]), 422)
    return tuple(made)


def _rows(data: bytes, heads: Mapping[str, str]) -> Iterator[tuple[int, Row]]:
    """(line, field -> cell), for every line that is not empty."""
    reader = csv.DictReader(io.StringIO(_text(data)), restkey=MORE, strict=True)
    try:
        found = [each.strip() for each in reader.fieldnames or ()]
        if unknown := [each for each in found if each and each not in heads]:
            raise Refused("bad_table", f"不认识的列：{'、'.join(unknown)}", f"known are {' '.join(heads)}", 422)
        for nth, row in enumerate(reader, 1):
            if nth > MOST_ROWS:
                raise Refused("bad_table", f"表格太长，一次最多 {MOST_ROWS} 行", status=422)
            if row.get(MORE):
                raise Refused("bad_table", f"第{reader.line_num}行：比表头多了几列", status=422)
            cells = {heads[key.strip()]: (cell or "").strip() for key, cell in row.items() if key and key.strip()}
            if any(cells.values()):
                yield reader.line_num, {key: cell for key, cell in cells.items() if cell}
    except csv.Error as error:
        raise Refused("bad_table", "这不是 CSV 表格", f"line {reader.line_num}: {error}", 422) from error


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("bad_table", "表格的编码不是 UTF-8 或 GB18030，请另存为 CSV UTF-8", status=422)


def _parts(cell: str) -> list[str]:
    return [each.strip() for each in cell.replace("；", ";").split(";") if each.strip()]


def _person(row: Row) -> Person:
    known: dict[str, Any] = {key: row[key] for key in row if key not in ("posts", "face", "fingerprint", "terminals")}
    known["role"] = ROLES.get(row.get("role", "工作人员"), row.get("role"))
    known["posts"] = [_post(each) for each in _parts(row.get("posts", ""))]
    known["consent"] = {key: row[key] for key in ("face", "fingerprint") if key in row}
    known["terminals"] = _parts(row.get("terminals", ""))
    if "fallback" in row:
        known["fallback"] = FALLBACKS.get(row["fallback"], row["fallback"])
    return Person.model_validate(known)


def _post(cell: str) -> dict[str, Any]:
    """`3A`, `3` or `3B`"""
    number = cell.rstrip("ABab")
    if not number.isdigit():
        raise ValueError(f"窗口“{cell}”应写成 3 或 3B")
    return {"window": int(number), "part": cell[len(number) :].upper() or "A"}


def _entry(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    known: dict[str, Any] = {key: _time(cell, zone) if key in TIMES else cell for key, cell in row.items()}
    kind = row.get("kind", "")
    if kind in LEAVES:
        return _leave(known, LEAVES[kind], zone)
    if kind == "外出":
        return known | {"kind": "outing"}
    if kind in DUTIES:
        return known | {"kind": "duty", "duty": DUTIES[kind]}
    raise ValueError(f"类别“{kind}”应是 {' '.join([*LEAVES, '外出', *DUTIES])} 之一")


def _leave(known: dict[str, Any], leave: str, zone: ZoneInfo) -> dict[str, Any]:
    stands_in = {key: known.pop(key) for key in ("filed_at", "on_post_at") if key in known}
    if "substitute" in known:
        known["substitute"] = {"person": known["substitute"]} | stands_in
    known["approvals"] = [_approval(each, zone) for each in _parts(known.get("approvals", ""))]
    known["papers"] = _parts(known.get("papers", ""))
    return {"asked_at": known.get("start")} | known | {"kind": "leave", "leave": leave}


def _approval(cell: str, zone: ZoneInfo) -> dict[str, Any]:
    """`chief_representative 2026-03-02 08:00`"""
    by, _, at = cell.partition(" ")
    return {"by": ROLES.get(by, by), "at": _time(at.strip(), zone)}


def _time(cell: str, zone: ZoneInfo) -> object:
    """`2026-03-02 08:00`, and what table programs make of it: `2026/3/2 8:00`."""
    for shape in ("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"):
        try:
            return datetime.strptime(cell, shape).replace(tzinfo=zone)
        except ValueError:
            continue
    return in_zone(cell, zone)
