"""Where a ticket stands, in words for a clerk; what may be done with it in that state; and what has happened to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from edge.clock import Now, local
from edge.hall import Hall
from edge.hallqueue import Hold, Outcome
from edge.queue import tickets
from edge.queue.balance import WORDS as PRIORITY
from edge.queue.handwritten import CHANNEL as BY_HAND
from edge.queue.tickets import HOLD_WORDS, MOVES, OUTCOME_WORDS, STATE_WORDS
from edge.refusal import Refused
from edge.statements import Statements


class Facts(NamedTuple):
    """Of the row, beside what everybody is shown of it. Times are UTC, milliseconds."""

    day: str
    channel: str
    asked: str
    """The service that was asked for; of several steps maybe."""
    since: int
    returns: int
    hold: Hold | None
    outcome: Outcome | None
    for_window: int | None
    for_staff: str | None
    not_before: int | None
    assisted: bool
    helper: str | None
    texts: bool
    """Its visitor takes messages."""


FACTS_SQL = """
SELECT day, channel, coalesce(visit, service), coalesce(since, taken_at), returns, hold, outcome, for_window, for_staff,
  not_before, assisted, helper, EXISTS (SELECT 1 FROM contact c WHERE c.ticket = ticket.id) FROM ticket WHERE id=?
"""


def facts(connection: Statements, ticket: str) -> Facts:
    """Raises Refused (404)."""
    row = connection.exec_driver_sql(FACTS_SQL, (ticket,)).first()
    if row is None:
        raise Refused("no_such_ticket", "没有这张号票", status=404)
    return Facts._make(row)


# ---- where it stands

ENGLISH = {
    "waiting": "Waiting",
    "called": "Called",
    "serving": "At the window",
    "held": "On hold",
    "missed": "Missed its call",
    "finished": "Finished",
    "cancelled": "Cancelled",
}
RETURN_TO = {
    "keep": "恢复后回到原来的位置",
    "back": "恢复后排到 {places} 人之后",
    "tail": "恢复后从现在算起，排到最后",
}


def standing(hall: Hall, view: dict[str, Any], it: Facts) -> tuple[str, list[str]]:
    """One line that says it, and those that explain it."""
    state, no, since = view["state"], view["window"], clock(hall, it.since)
    head: str = STATE_WORDS[state]
    lines: list[str] = []
    if state == "waiting":
        head = f"{head} · 前面 {view['ahead']} 人 · {view['estimate']['words']}"
        lines = list(_where(hall, view, it))
    elif state == "called":
        head = f"已叫号，请到 {no} 号窗口"
        lines = [f"{place(hall, no)}，{since} 叫的" + (f"，又叫了 {view['recalls']} 次" if view["recalls"] else "")]
    elif state == "serving":
        head = f"正在 {no} 号窗口办理"
        lines = [f"{place(hall, no)}，{since} 开始"]
    elif state == "held":
        head = f"在 {no} 号窗口挂起"
        lines = [f"{HOLD_WORDS[it.hold or 'with_papers']}，{since} 起；回到窗口由工作人员回呼"]
    elif state == "missed":
        head = f"已过号 · {since} 在 {no} 号窗口"
        lines = list(_coming_back(hall, it))
    elif state == "finished":
        head = f"已办结 · {since}"
        lines = [f"{place(hall, no)}" + (f"，{OUTCOME_WORDS[it.outcome]}" if it.outcome else "")]
    return head, lines


def _where(hall: Hall, view: dict[str, Any], it: Facts) -> Iterable[str]:
    if it.not_before is not None:
        yield f"{clock(hall, it.not_before)} 以后叫号"
    if it.for_staff is not None:
        away = it.for_window == 0 and it.not_before is None
        yield f"只等工号 {it.for_staff} 叫号" + ("，现在没有登录，能办理的窗口可以指呼" if away else "")
    elif it.for_window:
        yield f"只等 {it.for_window} 号窗口：{place(hall, it.for_window)}"
    else:
        yield "可到：" + "、".join(f"{each['floor']}{each['no']}号{each['name']}" for each in view["windows"])


def _coming_back(hall: Hall, it: Facts) -> Iterable[str]:
    if it.returns >= hall.queue.returns:
        yield "不能再恢复，请重新取号"
    else:
        yield RETURN_TO[hall.queue.return_to].format(places=hall.queue.return_places)
    if it.returns:
        yield f"已恢复过 {it.returns} 次，最多 {hall.queue.returns} 次"


def place(hall: Hall, no: int | None) -> str:
    window = hall.window.get(no or 0)
    return f"{hall.zone[window.zone].floor}{window.no}号{window.name}" if window else "没有记下窗口"


def clock(hall: Hall, at: int) -> str:
    return f"{local(at, hall.zone_info):%H:%M}"


PAPER = {"wanted": "小票等着打印", "sent": "小票正在打印", "printed": "小票已打出", "unknown": "小票可能没有打完整"}


def about(hall: Hall, view: dict[str, Any], it: Facts) -> list[str]:
    """What else is known of it, a line each."""
    taken = f"{str(view['taken_at'])[11:16]} 取号" + ("（手工号）" if it.channel == BY_HAND else "")
    asked = hall.service[it.asked].name if it.asked in hall.service else it.asked
    steps = f"要办{asked}，这是其中一步" if it.asked != view["service"]["id"] else ""
    helped = f"帮办代办：{'工号 ' + it.helper if it.helper else '还没有安排人'}" if it.assisted else ""
    paper = PAPER.get(view["print"], "") if view["state"] not in ("serving", *tickets.ENDED) else ""
    texts = "已登记短信提醒" if it.texts else ""
    return [taken, *filter(None, [steps, view["priority_words"], helped, paper, texts])]


# ---- what may be done

WAITS = ("waiting", "called", "missed", "held")


def legal(hall: Hall, now: Now, view: dict[str, Any], it: Facts) -> set[str]:
    """The acts that the page offers; the use cases have the last word."""
    state = view["state"]
    if it.day != now.day or state in tickets.ENDED:
        return set()
    may = {
        "reprint": state in WAITS,
        "change": state in MOVES["change"].sources,
        "return": state in MOVES["return"].sources and it.returns < hall.queue.returns,
        "cancel": state in MOVES["cancel"].sources,
        "urgent": state in MOVES["urge"].sources and view["priority"] != "urgent",
        "priority": state in ("waiting", "missed") and bool(hall.priority.offered),
        "sms": hall.sms.device is not None,
        "sms-off": it.texts,
        "assist": True,
    }
    return {act for act, allowed in may.items() if allowed}


# ---- what has happened


class Happened(NamedTuple):
    at: str
    what: str
    by: str


HISTORY_SQL = "SELECT at, type, actor, data FROM journal WHERE at >= ? AND key=? ORDER BY seq"
"""From the ticket's own time on: there is an index of times, and none of keys."""
EVENTS = {each.event: each.word for each in MOVES.values()} | {
    "ticket.issued": "取号",
    "ticket.raised": "提前",
    "assistance.recorded": "帮办代办",
    "print.wanted": "要打小票",
    "print.done": "小票已打出",
    "print.unknown": "小票可能没有打完整",
    "message.opted_in": "登记短信",
    "message.opted_out": "不再要短信",
    "message.sent": "短信已发",
}
BY = {"kiosk": "取号机", "desk": "导办台", "hall": "系统", "clock": "系统", "device": "设备", "visitor": "群众"}


def history(connection: Statements, hall: Hall, ticket: str, since: int) -> list[Happened]:
    found = connection.exec_driver_sql(HISTORY_SQL, (since, ticket))
    return [
        Happened(clock(hall, at), _what(hall, type_, json.loads(data)), _by(actor))
        for at, type_, actor, data in found
        if type_ in EVENTS
    ]


def _what(hall: Hall, type_: str, data: dict[str, Any]) -> str:
    words = EVENTS[type_] + ("（手工号补录）" if data.get("channel") == BY_HAND else "")
    more = [
        f"{data['window']} 号窗口" if data.get("window") else "",
        f"改到{hall.service[data['service']].name}" if type_ == "ticket.changed" and _known(hall, data) else "",
        PRIORITY.get(data.get("priority", ""), ""),
        str(data.get("reason", "")),
        f"工号 {data['staff']}" if data.get("staff") else "",
    ]
    return "，".join([words, *filter(None, more)])


def _known(hall: Hall, data: dict[str, Any]) -> bool:
    return data.get("service") in hall.service


def _by(actor: str) -> str:
    """`window:3/name` as people say it."""
    who, _, name = actor.partition("/")
    kind, _, which = who.partition(":")
    word = f"{which} 号窗口" if kind == "window" else BY.get(kind, kind) + (f" {which}" if which else "")
    return f"{word}（{name}）" if name else word
