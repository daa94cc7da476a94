"""Everything that somebody at ops should see to now, in one list: who calls for help, what is ill, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, Literal, NamedTuple

from edge.attendance.alarms import open_alarms
from edge.calendar import ONE_DAY
from edge.clock import rfc3339
from edge.evaluation import bad_reviews
from edge.machine import facts
from edge.parts import Parts
from edge.queue import closing, vacancies
from edge.statements import Statements
from edge.timetable import days
from edge.windows.alerts import open_alerts
from edge.windows.load_watch import notices

RANK = {"bad": 0, "warn": 1}


class Problem(NamedTuple):
    id: str
    name: str
    severity: Literal["bad", "warn"]
    why: str
    since: str | None
    """RFC 3339."""
    advice: str


def problems(parts: Parts) -> list[dict[str, Any]]:
    """The worst first; of equal ones people before things, then the oldest."""
    with parts.database.read() as connection:
        people = [*_alerts(parts, connection)]
        others = [*_devices(parts), *_central(parts), *_attendance(parts, connection)]
        others += [*_load(parts, connection), *_day(parts, connection), *_bookings(parts, connection)]
        others += [*_machine(parts, connection), *_silent(parts), *_bad_reviews(parts, connection)]
    others.sort(key=lambda each: each.since or "9")
    return [each._asdict() for each in sorted([*people, *others], key=lambda each: RANK[each.severity])]


def _alerts(parts: Parts, connection: Statements) -> Iterator[Problem]:
    for each in open_alerts(connection, parts.hall):
        taken = each["acknowledged_by"]
        todo = f"{taken}已响应，处理完请登记结果" if taken else f"请{'、'.join(each['receivers'])}马上去，并登记已响应"
        why = " ".join(filter(None, [each["kind_words"], each["words"]]))
        yield Problem(each["id"], each["place"], "warn" if taken else "bad", why, each["raised_at"], todo)


def _devices(parts: Parts) -> Iterator[Problem]:
    for config in parts.hall.devices:
        health = parts.hub.health[config.id]
        severity = health.severity()
        if severity == "bad" or severity == "warn":
            why, advice, since = health.words()
            at = rfc3339(since, parts.hall.zone_info)
            yield Problem(config.id, config.name, severity, why or "没有说明原因", at, advice or "查看设备")


def _central(parts: Parts) -> Iterator[Problem]:
    outbox = parts.relay.status()
    if outbox["state"] == "away":
        why = f"联系不上，{outbox['waiting']} 条在等"
        todo = "大厅照常办理，事件已存好，恢复后自动补送；看外网和中心地址"
        yield Problem("central", "发往中心", "warn", why, outbox["since"], todo)
    elif outbox["state"] == "refused":
        why = f"对方拒收，{outbox['waiting']} 条在等"
        yield Problem("central", "发往中心", "bad", why, outbox["since"], "看下面的原因，联系中心")
    if parked := outbox["parked"]:
        why = f"{len(parked)} 条被搁置：{parked[0]['type']} {parked[0]['error']}"
        yield Problem("parked", "发往中心", "warn", why, None, "把原因告诉中心")


def _attendance(parts: Parts, connection: Statements) -> Iterator[Problem]:
    for each in open_alarms(connection, parts.hall):
        name = f"{each['window']}号窗口" if each["window"] else "考勤"
        yield Problem(each["id"], name, "warn", each["what"], each["since"], each["todo"])


def _day(parts: Parts, connection: Statements) -> Iterator[Problem]:
    """Who still waits when the hall has closed: nobody is cleared silently."""
    now = parts.clock.now()
    if days.day_on(connection, parts.hall, now.day).phase(now.at) != "after":
        return
    left, since = closing.still_here(connection, now.day)
    if left:
        serves = parts.hall.timetable.at_close == "serve_waiting"
        todo = "请窗口办完再下班" if serves else "请逐个说明原因并改约（咨询台）"
        at = rfc3339(since, parts.hall.zone_info)
        yield Problem("after_hours", "已到下班时间", "warn", f"还有{left}人等候", at, todo)


def _bookings(parts: Parts, connection: Statements) -> Iterator[Problem]:
    """The calendar was changed after these were booked."""
    left = sum(each.booked for each in vacancies.strays(connection, parts.hall, parts.clock.now()))
    if left:
        why = f"{left}个预约落在停止服务的日子或时间"
        yield Problem("to_rebook", "预约", "warn", why, None, "请在导办台的“预约”里逐个改约")


def _load(parts: Parts, connection: Statements) -> Iterator[Problem]:
    for each in notices(connection, parts.hall):
        yield Problem(each["id"], "等候", "warn", each["what"], each["since"], each["todo"])


def _silent(parts: Parts) -> Iterator[Problem]:
    for zone, since in parts.silence.zones(parts.clock.now().at).items():
        todo = "在屏幕上点一下；还没有声音，看浏览器的自动播放设置和声音输出"
        at = rfc3339(since, parts.hall.zone_info)
        yield Problem(f"silent.{zone}", f"{parts.hall.zone[zone].name}的大厅屏", "warn", "声音未启用", at, todo)


def _bad_reviews(parts: Parts, connection: Statements) -> Iterator[Problem]:
    late, due = bad_reviews.overdue(connection, parts.hall, date.fromisoformat(parts.clock.now().day))
    if due is not None:
        since = datetime.combine(due + ONE_DAY, time(0), parts.hall.zone_info).isoformat(timespec="milliseconds")
        yield Problem("bad_reviews", "差评", "warn", f"{late}条到期没有办结", since, "请办结并登记怎样处理的")


def _machine(parts: Parts, connection: Statements) -> Iterator[Problem]:
    for each in facts(parts, connection, parts.clock.now()):
        if each.severity == "bad" or each.severity == "warn":
            at = rfc3339(each.since, parts.hall.zone_info)
            yield Problem(each.id, "这台机器", each.severity, f"{each.name}{each.words}", at, each.todo)
