"""The life of a ticket: its states and the moves legal in each. Pure; every move of the hall goes through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from edge.refusal import Refused

State = Literal["waiting", "called", "serving", "held", "missed", "finished", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
IN_HAND: frozenset[State] = frozenset({"called", "serving"})
"""A window has at most one ticket in one of these."""
ENDED: frozenset[State] = frozenset({"finished", "cancelled"})


@dataclass(frozen=True, slots=True)
class Move:
    event: str
    """The journal type that says it happened."""
    sources: frozenset[State]
    target: State
    word: str
    """What a clerk calls it."""


MOVES: dict[str, Move] = {
    "call": Move("ticket.called", frozenset({"waiting"}), "called", "叫号"),
    "recall": Move("ticket.recalled", frozenset({"called"}), "called", "重呼"),
    "start": Move("ticket.started", frozenset({"called"}), "serving", "开始办理"),
    # Finish from called is legal: the start is then taken to be the call.
    "finish": Move("ticket.finished", frozenset({"called", "serving"}), "finished", "办结"),
    "miss": Move("ticket.missed", frozenset({"called"}), "missed", "过号"),
    "return": Move("ticket.returned", frozenset({"missed"}), "waiting", "恢复排队"),
    "hold": Move("ticket.held", frozenset({"called", "serving"}), "held", "挂起"),
    "resume": Move("ticket.resumed", frozenset({"held"}), "serving", "回呼"),
    "transfer": Move("ticket.transferred", frozenset({"called", "serving"}), "waiting", "转移"),
    "cancel": Move("ticket.cancelled", frozenset({"waiting", "called", "missed", "held"}), "cancelled", "取消"),
}

STATE_WORDS: dict[State, str] = {
    "waiting": "等候中",
    "called": "已叫号",
    "serving": "办理中",
    "held": "已挂起",
    "missed": "已过号",
    "finished": "已办结",
    "cancelled": "已取消",
}


def move(name: str, state: State, number: str) -> Move:
    """The move, if it is legal from `state`; else raises Refused (409) in words for the person who pressed."""
    wanted = MOVES[name]
    if state not in wanted.sources:
        raise Refused(
            "illegal_move",
            f"{number}号{STATE_WORDS[state]}，不能{wanted.word}",
            f"{name} is not legal from {state}; legal from {', '.join(sorted(wanted.sources))}",
        )
    return wanted


def number(prefix: str, ordinal: int) -> str:
    """`A001`; grows a digit after 999 and never wraps."""
    return f"{prefix}{ordinal:03d}"
