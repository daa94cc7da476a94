"""Each problem of the one list with what a person can press about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from edge.attendance.alarms import open_alarms
from edge.clock import Now
from edge.devices import testing
from edge.pages.ops_shapes import lasting
from edge.parts import Parts
from edge.problems import problems
from edge.statements import Statements
from edge.windows.alerts import open_alerts
from edge.windows.load_watch import notices

WORDS = {"bad": "停止服务", "warn": "注意"}
LINKS = {
    "central": ("看发送情况", "#outbox"),
    "calendar": ("录入放假安排", "/ops/attendance/calendar"),
    "bad_reviews": ("看差评", "/ops/ratings#bad"),
}
LINES = 7
"""What is shown at once; the rest is folded."""


class Act(NamedTuple):
    kind: Literal["link", "press", "acknowledge", "close"]
    word: str
    href: str
    fields: tuple[tuple[str, str], ...] = ()


class Line(NamedTuple):
    id: str
    name: str
    severity: str
    word: str
    why: str
    lasting: str
    """`12 分钟`; empty where it is not known."""
    advice: str
    acts: tuple[Act, ...]


def lines(parts: Parts, connection: Statements, now: Now) -> list[Line]:
    """The worst first."""
    acts = _Acts(parts, connection)
    return [
        Line(
            each["id"],
            each["name"],
            each["severity"],
            WORDS[each["severity"]],
            each["why"],
            lasting(now.at - _ms(each["since"])) if each["since"] else "",
            each["advice"],
            acts.of(each["id"]),
        )
        for each in problems(parts)
    ]


def _ms(rfc3339: str) -> int:
    return int(datetime.fromisoformat(rfc3339).timestamp() * 1000)


class _Acts:
    """What is known of where a problem comes from, asked once for all of them."""

    def __init__(self, parts: Parts, connection: Statements) -> None:
        self._hall = parts.hall
        self._alerts: Mapping[str, Mapping[str, Any]] = {
            each["id"]: each for each in open_alerts(connection, parts.hall)
        }
        self._attendance = {each["id"] for each in open_alarms(connection, parts.hall)}
        self._load = {each["id"] for each in notices(connection, parts.hall)}
        self._parked = parts.relay.status()["parked"]

    def of(self, id_: str) -> tuple[Act, ...]:
        if (alert := self._alerts.get(id_)) is not None:
            taken = alert["acknowledged_by"]
            act = Act("close", "登记结果", f"/ops/alerts/{id_}/close") if taken else None
            return (act or Act("acknowledge", "我去处理", f"/ops/alerts/{id_}/acknowledge"),)
        if id_ in self._hall.device:
            return self._of_device(id_)
        if id_ in LINKS:
            return (Act("link", *LINKS[id_]),)
        if id_ == "parked":
            return tuple(Act("press", "重发", f"/ops/outbox/{each['seq']}/retry") for each in self._parked[:1])
        if id_ == "to_rebook":
            return (Act("link", "去改约", "/desk/bookings#astray"),)
        if id_ in self._attendance:
            return (Act("link", "看考勤", "/ops/attendance"),)
        return (Act("link", "看排队", "/ops/queue"),) if id_ in self._load else ()

    def _of_device(self, device: str) -> tuple[Act, ...]:
        found = testing.tests(self._hall, device)[:1]
        press = [
            Act(
                "press", each.word, f"/ops/devices/{device}/test", (("kind", each.kind), ("address", str(each.address)))
            )
            for each in found
        ]
        return (*press, Act("link", "看设备", f"/ops/devices/{device}"))
