"""The use case of a patrol: what was seen is written down, and stays as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge.clock import Now, local
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.mask import hide_numbers
from edge.refusal import Refused
from edge.statements import Statements

How = Literal["patrol", "supervision", "video"]
HOW: Mapping[How, str] = {"patrol": "巡查", "supervision": "督查", "video": "视频巡查"}
FINE = "fine"
SEEN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "考勤": (
        ("late", "迟到"),
        ("early", "早退"),
        ("absent", "旷工"),
        ("off_post", "中途擅自离岗"),
        ("no_leave", "请假手续不全"),
    ),
    "窗口服务": (
        ("dress", "着装不规范"),
        ("badge", "没有佩戴工作牌，或被遮住"),
        ("desk", "台面不整洁"),
        ("guides", "办事指南没有及时补充"),
        ("attitude", "态度不好"),
        ("phrase", "说了服务忌语"),
    ),
}
"""南部山区 制度汇编 “是否有迟到、早退、旷工或中途擅离工作岗位”, “办事指南是否补充及时”;
易门县 and 官渡区 on phrases and badges."""
WORDS = {FINE: "没有发现问题"} | {id_: word for group in SEEN.values() for id_, word in group}
AHEAD_MS = 120_000
"""A phone's clock may be so far ahead."""


@dataclass(frozen=True, slots=True)
class Observation:
    at: int
    """When it was seen; UTC, milliseconds."""
    how: How
    by: str
    """Who saw it."""
    seen: tuple[str, ...] = ()
    """Of `WORDS`."""
    window: int | None = None
    place: str = ""
    staff: str = ""
    """工号 of whom it is about, empty for nobody."""
    words: str = ""
    measure: str = ""
    """What was done about it."""


@dataclass(frozen=True, slots=True)
class Observe:
    observation: Observation
    actor: str


def observe(session: Session, hall: Hall, now: Now, command: Observe) -> int:
    """The number of the entry. Raises Refused (422)."""
    it = command.observation
    _check(hall, now, it)
    day = f"{local(it.at, hall.zone_info):%Y-%m-%d}"
    values = (it.at, day, now.at, it.how, it.window, it.place, it.staff, json.dumps(it.seen))
    session.connection.exec_driver_sql(
        "INSERT INTO observation (at, day, entered_at, how, window, place, staff, seen, words, measure, by, actor)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, hide_numbers(it.words), hide_numbers(it.measure), it.by, command.actor),
    )
    seq = int(session.connection.exec_driver_sql("SELECT max(seq) FROM observation").scalar_one())
    told = {"observation": seq, "how": it.how, "window": it.window, "staff": it.staff or None, "seen": list(it.seen)}
    key = f"window:{it.window}" if it.window is not None else "hall"
    append(session, hall, now, "inspection.observed", key, command.actor, **told)
    return seq


def _check(hall: Hall, now: Now, it: Observation) -> None:
    if not it.by:
        raise Refused("observation_unfit", "没有保存，请写是谁看到的", status=422)
    if it.window is None and not it.place:
        raise Refused("observation_unfit", "没有保存，请选窗口，或写在哪里", status=422)
    if it.window is not None and it.window not in hall.window:
        raise Refused("observation_unfit", f"没有保存，没有{it.window}号窗口", status=422)
    if it.how not in HOW or not set(it.seen) <= WORDS.keys():
        raise Refused("observation_unfit", "没有保存，没有这一项", f"{it.how} {it.seen}", 422)
    if not it.seen and not it.words:
        raise Refused("observation_unfit", "没有保存，请勾看到的；都好就勾“没有发现问题”", status=422)
    if FINE in it.seen and len(it.seen) > 1:
        raise Refused("observation_unfit", "没有保存，勾了“没有发现问题”就不能再勾别的", status=422)
    if it.at > now.at + AHEAD_MS:
        raise Refused("observation_unfit", "没有保存，时间还没有到", f"at {it.at}", 422)


@dataclass(frozen=True, slots=True)
class Written:
    seq: int
    entered_at: int
    actor: str
    observation: Observation


def written(connection: Statements, first: str, last: str, limit: int = -1) -> list[Written]:
    """What was seen on these days (2026-03-02), the newest first; -1: all of it."""
    rows = connection.exec_driver_sql(
        "SELECT seq, entered_at, actor, at, how, by, seen, window, place, staff, words, measure FROM observation"
        " WHERE day BETWEEN ? AND ? ORDER BY at DESC, seq DESC LIMIT ?",
        (first, last, limit),
    )
    return [
        Written(seq, entered_at, actor, Observation(at, how, by, tuple(json.loads(seen)), *about))
        for seq, entered_at, actor, at, how, by, seen, *about in rows
    ]
