"""The window console: every move with its key, the words of its forms, and what the sign would say on a pause."""

from __future__ import annotations

import io
from collections.abc import Mapping
from html import escape
from typing import Annotated, Any, NamedTuple

import segno
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from edge.evaluation import views
from edge.guard import needs
from edge.hall import Window
from edge.hallqueue import Outcome
from edge.notices.outcomes import FORMS
from edge.notices.signs import sign_text
from edge.notices.slips import NAMES
from edge.pages.render import HEADERS, missing, page
from edge.parts import Parts, parts_of
from edge.queue import board, next_view
from edge.queue.tickets import OUTCOME_WORDS
from edge.windows import alerts, desk, handover, load_watch

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Pair = tuple[str, str]
"""Chinese, English."""
Data = Mapping[str, str | Pair]
Lang = Annotated[str, Query(description="`en` for English", max_length=8)]


def _language(lang: str) -> dict[str, Any]:
    """For the templates: which of a Pair, and the choice between two texts."""
    english = int(lang == "en")
    return {"english": english, "t": lambda *pair: pair[english]}


class Key(NamedTuple):
    """One move: what its button says, which key presses it, and how window.js and moves.js treat it."""

    id: str
    words: Pair
    key: str
    needs: str
    """What must be so: `free` nobody in hand, `hand` somebody, `called` and not begun, `held`, `missed`, `done`."""
    data: Data
    """`path` that is posted to, or `dialog` or `pick` that is opened; `done` is said then; `shown` while so."""
    value: Pair | None = None
    """A field of the body, and its value."""

    @property
    def shows(self) -> Pair:
        """On the button; a `long` one must be held down."""
        key = {"-": "−"}.get(self.key, self.key.upper() if len(self.key) == 1 else self.key)
        return (f"按住 {key}", f"Hold {key}") if "long" in self.data else (key, key)


OUTCOMES: Mapping[Outcome, Pair] = {
    "instant": (OUTCOME_WORDS["instant"], "Done at once"),
    "committed": (OUTCOME_WORDS["committed"], "Promised"),
    "supplement": (OUTCOME_WORDS["supplement"], "To be supplied"),
    "rejected": (OUTCOME_WORDS["rejected"], "Returned"),
    "joint": (OUTCOME_WORDS["joint"], "Joint handling"),
    "advice": (OUTCOME_WORDS["advice"], "Advice"),
    "rebooked": (OUTCOME_WORDS["rebooked"], "Another day"),
}
TICKET = {"ticket": ""}
"""The body names the ticket in hand."""


def first_keys(usual: Outcome) -> tuple[Key, ...]:
    """What a clerk needs for every visitor; `usual` is how a visit ends where nobody says."""
    word = OUTCOMES[usual]
    ended = (f"{{number}} 已办结：{word[0]}", f"{{number}} finished: {word[1]}")
    called, again = ("已呼叫 {number}", "{number} called"), ("已重呼 {number}，第 {recalls} 次", "{number} recalled")
    begun, missed = ("{number} 开始办理", "{number} started"), ("{number} 已过号", "{number} is a no-show")
    return (
        Key("call-next", ("叫号", "Call next"), "Enter", "free", {"path": "call-next", "done": called}),
        Key("recall", ("重呼", "Recall"), "+", "called", {"path": "recall", "done": again, **TICKET}),
        Key("start", ("开始办理", "Start"), "0", "called", {"path": "start", "done": begun, **TICKET}),
        Key("finish", ("办结", "Finish"), "/", "hand", {"path": "finish", "done": ended, **TICKET}, ("outcome", usual)),
        Key(
            "miss",
            ("过号", "No-show"),
            "-",
            "called",
            {"path": "miss", "done": missed, "long": "", "undo": "", **TICKET},
        ),
    )


def other_keys(no: int) -> tuple[Key, ...]:
    """The rest; in a small window behind 更多."""
    held, back = ("{number} 已挂起", "{number} held"), ("{number} 继续办理", "{number} goes on")
    here = ("window", str(no))
    sure = ("再按一次：今天不再叫号，窗口屏写“停止服务”", "Press again: nobody more is called today, the sign says so")
    pick_back: Data = {"pick": "held", "path": "/tickets/{id}/resume", "done": back}
    returned = ("{number} 已回到等候", "{number} waits again")
    pick_missed: Data = {"pick": "missed", "path": "/tickets/{id}/return", "done": returned}
    pause: Data = {"path": "pause", "done": ("已暂停", "Paused"), "shown": "open"}
    go_on: Data = {"path": "resume", "done": ("已恢复服务", "Open again"), "shown": "paused"}
    close: Data = {"path": "close", "done": ("已停止服务", "Closed"), "shown": "open paused", "twice": sure}
    reopen: Data = {"path": "open", "done": ("已重新开窗", "Open again"), "shown": "closed"}
    return (
        Key("outcome", ("其他结果", "Other result"), ".", "hand", {"dialog": "outcomes"}),
        Key("hold", ("挂起", "Hold"), "1", "hand", {"path": "hold", "done": held, **TICKET}),
        Key("back", ("回呼", "Call back"), "2", "held", pick_back, here),
        Key("transfer", ("转移", "Transfer"), "3", "hand", {"dialog": "move-on"}),
        Key("hold-as", ("挂起方式", "Hold as"), "4", "hand", {"dialog": "holds"}),
        Key("call", ("指呼", "Call a number"), "5", "free", {"dialog": "chosen"}),
        Key("wrong", ("走错窗口", "Wrong window"), "6", "hand", {"dialog": "wrong-window"}),
        Key("walk-in", ("无号办理", "Walk-in"), "7", "free", {"dialog": "walked-in"}),
        Key("return", ("过号恢复", "Back in line"), "8", "missed", pick_missed, here),
        Key("alert", ("求助报警", "Get help"), "9", "", {"dialog": "alarm"}),
        Key("pause", ("暂停", "Pause"), "*", "", pause),
        Key("go-on", ("恢复", "Resume"), "*", "", go_on),
        Key("hand-over", ("交接", "Hand over"), "b", "staff", {"dialog": "hand-ask"}),
        Key("close", ("停止服务", "Close"), "c", "done", close),
        Key("open", ("重新开窗", "Reopen"), "c", "", reopen),
    )


# ---- the notices of 补办 and 退件

GIVEN = {"hall", "window", "date", "item", "receiver", "phone", "content", "reason", "code"}
"""Words of a notice that the edge knows, or that the ticks say."""
IN_ENGLISH: Mapping[str, str] = {"applicant": "Applicant", "deadline": "To be supplied by", "basis": "Legal basis"}


class Field(NamedTuple):
    name: str
    words: Pair
    example: str


def fields(parts: Parts, outcome: Outcome) -> list[Field]:
    """What only the clerk knows of this outcome's notice."""
    form = parts.slips[FORMS[outcome]]
    asked = [word for word in form.required if word not in GIVEN]
    return [Field(word, (NAMES.get(word, word), IN_ENGLISH.get(word, word)), form.words[word]) for word in asked]


def _printer(parts: Parts, window: Window) -> str:
    """The name of the window's notice printer, "" where it has none."""
    paper = {parts.slips[form].paper for form in FORMS.values()}
    device = parts.hall.device.get(window.printer or "")
    return device.name if device is not None and device.paper in paper else ""


# ---- the pages


@router.get("/window/{no}", dependencies=[needs("window")])
async def window(request: Request, no: str, lang: Lang = "zh") -> Response:
    parts = parts_of(request)
    found = next((each for each in parts.hall.windows if str(each.no) == no), None)
    if found is None:
        return missing(request, f"{no} 号窗口")
    context: dict[str, Any] = {
        "first_keys": first_keys(parts.hall.queue.outcome),
        "other_keys": other_keys(found.no),
        "outcomes": OUTCOMES,
        "forms": {outcome: fields(parts, outcome) for outcome in FORMS},
        "printer": _printer(parts, found),
    }
    return page(request, "window", window=found, **_language(lang), **context)


@router.get("/window/{no}/now", dependencies=[needs("window")])
def now(request: Request, no: int, lang: Lang = "zh") -> Response:
    """What the page shows of now besides the ticket in hand; each element takes the place of its like in the page."""
    parts = parts_of(request)
    if no not in parts.hall.window:
        return missing(request, f"{no} 号窗口")
    return page(request, "window_now", **_language(lang), **_now(parts, no))


def _now(parts: Parts, no: int) -> dict[str, Any]:
    hall, at = parts.hall, parts.clock.now()
    down = {each for each in hall.device if not parts.hub.able(each)}
    with parts.database.read() as connection:
        (view,) = board.windows(connection, hall, (no,))
        return {
            "window": view | board.console(connection, hall, at, no),
            "sign": sign_text(hall, view),
            "following": next_view.following(connection, hall, at, no),
            "today": next_view.today(connection, hall, at, no),
            "rating": views.last_state(connection, no),
            "alerts": alerts.open_alerts(connection, hall, no),
            "hand_over": handover.standing(connection, hall, no),
            "lacks": load_watch.ready(connection, hall, at.day, no, down),
        }


@router.get("/window/{no}/sign", dependencies=[needs("window")])
def sign(
    *,
    request: Request,
    no: int,
    sign: desk.Sign,
    resume: str = "",
    contact: str = "",
    other: int | None = None,
    place: str = "",
) -> Response:
    """The words of the window's sign with such a pause and nobody in hand."""
    parts = parts_of(request)
    if no not in parts.hall.window:
        return missing(request, f"{no} 号窗口")
    with parts.database.read() as connection:
        (view,) = board.windows(connection, parts.hall, (no,))
    paused = {"sign": sign, "resume": resume, "contact": contact, "other": other, "place": place}
    words = sign_text(parts.hall, view | {"paused": paused, "ticket": None})
    return HTMLResponse(f"<p>{escape(words)}</p>", headers=HEADERS)


@router.get("/window/{no}/code.svg", dependencies=[needs("window")])
def code(no: int, text: Annotated[str, Query(min_length=1, max_length=64)]) -> Response:
    """A code that the visitor photographs, to come back with it."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="svg", scale=6, light="#fff")
    return Response(picture.getvalue(), media_type="image/svg+xml", headers=HEADERS)
