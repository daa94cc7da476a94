"""HTTP face of the queue: the menu, tickets, the moves of a window, the hall screen's board."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.clock import Now
from edge.database import Session
from edge.evaluation import desk as evaluation
from edge.guard import hold_scope, needs
from edge.parts import actor_of, parts_of, perform
from edge.queue import board, desk, issuing, prints

router = APIRouter(prefix="/api/v1", tags=["queue"])
View = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewTicket(_Body):
    """What a visitor chose."""

    service: Annotated[str, Field(description="id of the service", examples=["pension"], max_length=32)]
    channel: Annotated[Literal["kiosk", "desk", "page"], Field(description="where the number was taken")] = "kiosk"
    kiosk: Annotated[str | None, Field(description="id of the kiosk whose printer prints it", examples=["1"])] = None


class TicketName(_Body):
    """The ticket a move is meant for; another in this window's hand is answered with 409."""

    ticket: Annotated[str, Field(description="id of the ticket", max_length=64)]


class Nothing(_Body):
    """No fields."""


ShowTicket = Callable[[Session, Now, str], View]


def _ticket(request: Request) -> ShowTicket:
    parts = parts_of(request)
    return lambda session, _now, id_: board.ticket(session.connection, parts.hall, id_, parts.hub.able)


async def _moved(request: Request, use_case: Any, command: Any) -> Response:
    show = _ticket(request)
    return await perform(request, use_case, command, lambda session, now, id_: {"ticket": show(session, now, id_)})


@router.get("/services", dependencies=[needs("kiosk", "desk", "ops")])
def services(request: Request) -> View:
    """The menu: units and their services, open or not and why, how many wait, about how long (minutes)."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"seq": parts.journal.last} | board.menu(connection, parts.hall)


@router.post("/tickets", status_code=201, dependencies=[needs("kiosk", "desk", "ops")])
async def issue(request: Request, body: NewTicket) -> Response:
    """Issues a ticket; `print` says whether a slip is wanted, sent, printed or unknown."""
    hold_scope(request, body.kiosk)
    place = f"kiosk:{body.kiosk}" if body.kiosk else body.channel
    command = issuing.Issue(body.service, body.channel, body.kiosk, actor_of(request, place))
    return await perform(request, issuing.issue, command, _ticket(request), status=201)


@router.get("/tickets/{ticket}", dependencies=[needs("anyone")])
def ticket(request: Request, ticket: str) -> View:
    """Where it stands now; whoever knows the id holds the slip."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return board.ticket(connection, parts.hall, ticket, parts.hub.able)


@router.post("/tickets/{ticket}/print", dependencies=[needs("kiosk", "desk", "ops")])
async def reprint(request: Request, ticket: str) -> Response:
    """Prints the slip once more, marked 补打."""
    command = prints.Reprint(ticket, actor_of(request, "reprint"))
    return await perform(request, prints.reprint, command, _ticket(request))


@router.post("/tickets/{ticket}/cancel", dependencies=[needs("kiosk", "desk", "ops")])
async def cancel(request: Request, ticket: str) -> Response:
    return await perform(
        request, desk.make_move, desk.Move("cancel", ticket, None, actor_of(request, "desk")), _ticket(request)
    )


@router.post("/tickets/{ticket}/return", dependencies=[needs("window", "desk", "ops")])
async def return_(request: Request, ticket: str) -> Response:
    """A missed one comes back and keeps its place."""
    return await perform(
        request, desk.make_move, desk.Move("return", ticket, None, actor_of(request, "desk")), _ticket(request)
    )


class AtWindow(_Body):
    window: Annotated[int, Field(description="no of the window that takes it", examples=[3])]


@router.post("/tickets/{ticket}/resume", dependencies=[needs("window", "ops")])
async def resume(request: Request, ticket: str, body: AtWindow) -> Response:
    """A held visitor goes on, at this window."""
    hold_scope(request, body.window)
    command = desk.Resume(body.window, ticket, actor_of(request, f"window:{body.window}"))
    return await _moved(request, evaluation.resume, command)


# ---- moves of a window


def _called(request: Request) -> Callable[[Session, Now, desk.Called | None], View | None]:
    show = _ticket(request)

    def present(session: Session, now: Now, called: desk.Called | None) -> View | None:
        return None if called is None else {"ticket": show(session, now, called.ticket), "why": called.why}

    return present


@router.post("/windows/{no}/call-next", dependencies=[needs("window", "ops")])
async def call_next(request: Request, no: int, _body: Nothing | None = None) -> Response:
    """Calls who is next and says why; 204 when nobody waits: the next arrival is then called here by itself."""
    command = desk.CallNext(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.call_next, command, _called(request))


@router.post("/windows/{no}/call", dependencies=[needs("window", "ops")])
async def call(request: Request, no: int, body: TicketName) -> Response:
    """Calls one ticket out of turn."""
    command = desk.CallChosen(no, body.ticket, actor_of(request, f"window:{no}"))
    return await perform(request, desk.call_chosen, command, _called(request))


class Target(TicketName):
    """Where the visitor goes on; exactly one of the two."""

    service: Annotated[str | None, Field(description="id of a service: its queue", max_length=32)] = None
    window: Annotated[int | None, Field(description="no of a window: to it and no other")] = None


async def _at_window(request: Request, no: int, body: TicketName, name: str) -> Response:
    command = desk.Move(name, body.ticket, no, actor_of(request, f"window:{no}"))
    return await _moved(request, evaluation.make_move, command)


@router.post("/windows/{no}/recall", dependencies=[needs("window", "ops")])
async def recall(request: Request, no: int, body: TicketName) -> Response:
    """Announces the called ticket once more."""
    return await _at_window(request, no, body, "recall")


@router.post("/windows/{no}/start", dependencies=[needs("window", "ops")])
async def start(request: Request, no: int, body: TicketName) -> Response:
    """The visitor is at the window."""
    return await _at_window(request, no, body, "start")


@router.post("/windows/{no}/finish", dependencies=[needs("window", "ops")])
async def finish(request: Request, no: int, body: TicketName) -> Response:
    """The service is done; its visitor is asked for a rating."""
    return await _at_window(request, no, body, "finish")


@router.post("/windows/{no}/miss", dependencies=[needs("window", "ops")])
async def miss(request: Request, no: int, body: TicketName) -> Response:
    """The visitor did not come."""
    return await _at_window(request, no, body, "miss")


@router.post("/windows/{no}/hold", dependencies=[needs("window", "ops")])
async def hold(request: Request, no: int, body: TicketName) -> Response:
    """The visitor goes to fetch something and comes back here."""
    return await _at_window(request, no, body, "hold")


@router.post("/windows/{no}/transfer", dependencies=[needs("window", "ops")])
async def transfer(request: Request, no: int, body: Target) -> Response:
    """The visitor goes on elsewhere without a new number, by the time the number was taken."""
    command = desk.Transfer(no, body.ticket, actor_of(request, f"window:{no}"), body.service, body.window)
    return await _moved(request, desk.transfer, command)


# ---- the hall screen


@router.get("/board", dependencies=[needs("screen", "desk", "ops")])
def hall_board(
    request: Request, zone: Annotated[str | None, Query(description="id of a zone; all without")] = None
) -> View:
    """Calls newest first, and how many wait for each service."""
    hold_scope(request, zone)
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"seq": parts.journal.last} | board.board(connection, parts.hall, zone)
