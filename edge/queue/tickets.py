"""The life of a ticket: its states and the moves legal in each. Pure; every move of the hall goes through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from edge.hallqueue import Hold, Outcome
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
    "wrong_window": Move("ticket.redirected", frozenset({"called", "serving"}), "waiting", "改到别的窗口"),
    "step": Move("ticket.advanced", frozenset({"called", "serving"}), "waiting", "转下一步"),
    "due": Move("ticket.due", frozenset({"waiting"}), "waiting", "到时等候"),
    "change": Move("ticket.changed", frozenset({"waiting"}), "waiting", "改办"),
    "urge": Move("ticket.raised", frozenset({"waiting"}), "waiting", "加急"),
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


def check_recalls(number: str, recalls: int, limit: int) -> None:
    """Raises Refused (409) once a called ticket has been called again `limit` times."""
    if recalls >= limit:
        raise Refused("recall_limit", f"{number}号已重呼{recalls}次，请过号", f"[queue] recalls = {limit}")


def check_returns(number: str, returns: int, limit: int) -> None:
    """Raises Refused (409) once a missed ticket has come back `limit` times."""
    if returns >= limit:
        told = f"已恢复{returns}次" if returns else "已过号"
        raise Refused("return_limit", f"{number}号{told}，请重新取号", f"[queue] returns = {limit}")


HOLD_WORDS: dict[Hold, str] = {"without_papers": "不持件挂起", "with_papers": "持件挂起", "waiting": "等待挂起"}


def check_resume(number: str, hold: Hold | None, held_at: int | None, window: int, *, able: bool) -> None:
    """Where a held ticket goes on: at any window `able` to serve it when nothing of it stayed, else where it was held.

    Raises Refused (409).
    """
    if window == held_at:
        return
    if hold != "without_papers":
        kind = HOLD_WORDS[hold or "with_papers"]
        raise Refused("held_elsewhere", f"{number}号在{held_at}号窗口{kind}，请到{held_at}号窗口回呼", f"hold {hold}")
    if not able:
        raise Refused("wrong_window", f"{window}号窗口不办理{number}号的业务，请到能办理的窗口回呼")


OUTCOME_WORDS: dict[Outcome, str] = {
    "instant": "即办",
    "committed": "承诺",
    "supplement": "补办",
    "rejected": "退件",
    "joint": "联办",
    "advice": "咨询",
    "rebooked": "另约",
}
GOES_ON: frozenset[Outcome] = frozenset({"instant", "committed", "joint"})
"""After these a visit of several steps goes on to its next one; any other ends it."""


def number(prefix: str, ordinal: int, width: int = 3) -> str:
    """`A001`; grows a digit after 999 and never wraps."""
    return f"{prefix}{ordinal:0{width}d}"


def picture() -> str:
    """The table above as a Mermaid state diagram, Chinese words on the arrows; the README shows it."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for each in MOVES.values():
        for source in sorted(each.sources):
            arrows.setdefault((source, each.target), []).append(each.word)
    states = [f"  {each}: {each} {STATE_WORDS[each]}" for each in STATES]
    lines = [f"  {source} --> {target}: {'、'.join(words)}" for (source, target), words in arrows.items()]
    ends = [f"  {each} --> [*]" for each in STATES if each in ENDED]
    return "\n".join(
        ["stateDiagram-v2", *states, "  [*] --> waiting: 取号", "  [*] --> called: 无号办理", *lines, *ends]
    )
