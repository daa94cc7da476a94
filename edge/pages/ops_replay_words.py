"""What had just happened at a past moment, in the words of the hall. Reads only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from edge.clock import local
from edge.devices.health import Health
from edge.devices.past import Said, hear
from edge.hall import Hall
from edge.pages.ops_picture import paused_words
from edge.queue.tickets import MOVES
from edge.statements import Statements

Data = Mapping[str, Any]
MOST = 8
SPAN_MS = 300_000
"""What is longer ago has not just happened."""
WINDOW = {
    "window.closed": "停止服务",
    "window.opened": "重新开放",
    "window.resumed": "恢复服务",
    "window.armed": "按了叫号，没有人等",
    "window.alerted": "请求支援",
    "window.skills_changed": "改了能办的业务",
    "window.added": "临时增开",
    "window.removed": "临时窗口撤了",
}
HALL = {
    "hall.opened": "大厅开门",
    "hall.paused": "大厅午休",
    "hall.closed": "大厅下班",
    "hall.emergency_set": "开始应急广播",
    "hall.emergency_cleared": "应急广播结束",
}
TICKETS = {each.event: each.word for each in MOVES.values()} | {"ticket.issued": "取号"}


class Happened(NamedTuple):
    clock: str
    words: str


def just_before(connection: Statements, hall: Hall, seq: int, at: int) -> list[Happened]:
    """Up to the event `seq` of the moment `at`, the newest first; `hall` is the hall as of then."""
    rows = connection.exec_driver_sql(SQL, (seq - FAR, seq, at - SPAN_MS, MOST))
    return [Happened(f"{local(row[0], hall.zone_info):%H:%M:%S}", _words(hall, *row)) for row in rows]


def last_before(connection: Statements, hall: Hall, seq: int, at: int) -> tuple[str, bool]:
    """When the event `seq`, the last one up to then, was; and whether it was on an earlier day. Empty without one.

    A service that is on ends and begins each day: where it told nothing of a day it was off.
    """
    row = connection.exec_driver_sql("SELECT at FROM journal WHERE seq=?", (seq,)).first()
    if row is None:
        return "", False
    then, now = local(row[0], hall.zone_info), local(at, hall.zone_info)
    same = then.date() == now.date()
    return f"{then:%H:%M}" if same else f"{then.month}月{then.day}日 {then:%H:%M}", not same


def _words(hall: Hall, at: int, type_: str, key: str, text: str) -> str:
    data, (room, _, _) = json.loads(text), type_.partition(".")
    told: Callable[[Hall, str, Data], str] = {"ticket": _ticket, "window": _window}.get(room, _hall)
    if room == "device":
        return _device(hall, Said(at, type_, data))
    return told(hall, type_, data)


def _ticket(hall: Hall, type_: str, data: Data) -> str:
    number, no = data["number"], data.get("window")
    if type_ == "ticket.issued" and data["service"] in hall.service:
        return f"{number} 取号，{hall.service[data['service']].name}"
    if type_ == "ticket.called":
        return f"{number} 叫到 {no} 号窗口"
    return f"{number} {TICKETS[type_]}" + (f"，{no} 号窗口" if no else "")


def _window(hall: Hall, type_: str, data: Data) -> str:
    who = hall.clerk[data["staff"]].name if data.get("staff") in hall.clerk else data.get("staff", "")
    said = {
        "window.paused": f"暂停：{paused_words(data)}",
        "window.signed_in": f"{who} 登录",
        "window.signed_out": f"{who} 退出",
        "window.handed_over": f"交接给 {who}",
    }
    return f"{data['window']} 号窗口{said.get(type_) or WINDOW[type_]}"


def _device(hall: Hall, said: Said) -> str:
    device, health = said.data["device"], Health("up")
    name = hall.device[device].name if device in hall.device else device
    if said.type == "device.condition" and not said.data["active"]:
        hear(health, said._replace(data={**said.data, "active": True}))
        return f"{name} 好了，之前{health.words()[0]}"
    hear(health, said)
    return f"{name} {health.words()[0] or '连上了'}"


def _hall(_hall: Hall, type_: str, _data: Data) -> str:
    return HALL[type_]


TYPES = (
    *(*TICKETS, *WINDOW, *HALL, "window.paused", "window.signed_in", "window.signed_out", "window.handed_over"),
    *("device.up", "device.down", "device.condition"),
)
FAR = 2_000
"""Events, of which few are told here."""
SQL = f"""
SELECT at, type, key, data FROM journal WHERE seq > ? AND seq <= ? AND at > ? AND type IN {TYPES}
ORDER BY seq DESC LIMIT ?
"""  # noqa: S608  our own words
