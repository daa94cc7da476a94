"""What a running edge is made of, as its routes and pages see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi import Request, Response

from edge.access import idempotency
from edge.access.tokens import Identity
from edge.access.vault import Vault
from edge.attendance.rulebook import Rulebook
from edge.central.relay import Relay
from edge.clock import Clock, Now
from edge.database import Database, Session, Writer
from edge.devices.cards import Cards
from edge.devices.discovery import Discovery
from edge.devices.exchanges import Callers
from edge.devices.hub import Hub
from edge.devices.presses import Presses
from edge.hall import Hall
from edge.journal import Journal
from edge.notices.silence import Silence
from edge.notices.slips import SlipTemplate
from edge.queue.appointments import Guesses
from edge.queue.estimates import Forecasts

Command = TypeVar("Command")
_in_json = json.JSONEncoder(ensure_ascii=False).encode
Result = TypeVar("Result")


@dataclass(slots=True)
class Progress:
    """How far the loops have come: what the watchdog looks at."""

    reacted: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    clock: Clock
    database: Database
    journal: Journal
    writer: Writer
    forecasts: Forecasts
    hub: Hub
    discovery: Discovery
    presses: Presses
    cards: Cards
    guesses: Guesses
    callers: Callers
    relay: Relay
    slips: Mapping[str, SlipTemplate]
    vault: Vault
    rules: Rulebook
    progress: Progress
    silence: Silence

    @property
    def hall(self) -> Hall:
        """As of the last commit: its file, and what was changed since."""
        return self.writer.hall


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


def identity_of(request: Request) -> Identity:
    """Who the guard found this request to come from."""
    return cast(Identity, request.state.identity)


def actor_of(request: Request, place: str) -> str:
    """Who did it, for the journal: the token's name and the place; the demo knows only the place."""
    identity = identity_of(request)
    return place if parts_of(request).hall.access.demo else f"{place}/{identity.name}"


async def perform(
    request: Request,
    use_case: Callable[[Session, Hall, Now, Command], Result],
    command: Command,
    present: Callable[[Session, Now, Result], dict[str, Any] | None],
    status: int = 200,
    *,
    brief: bool = False,
) -> Response:
    """Runs a use case and answers with what `present` shows of it, read in the same transaction; None answers 204.

    With an Idempotency-Key the answer is stored in that transaction, and the same request gets it again. `brief` as
    `Writer.do` takes it, with what is shown.
    """
    parts = parts_of(request)
    again = await _idempotency(request)

    def run(session: Session, hall: Hall, now: Now, command: Command) -> str:
        def make() -> str:
            shown = present(session, now, use_case(session, hall, now, command))
            return "" if shown is None else _in_json(shown)

        return idempotency.once(session, now, again, make)

    answer = await parts.writer.do(run, command, brief=brief)
    if not answer:
        return Response(status_code=204)
    return Response(answer, status_code=status, media_type="application/json")


async def _idempotency(request: Request) -> idempotency.Request | None:
    key = request.headers.get("Idempotency-Key")
    if not key:
        return None
    caller = identity_of(request)
    asked = idempotency.fingerprint(request.method, request.url.path, caller.name, await request.body())
    # A body may hold a number of a person, and a hash of that without a key is soon guessed back.
    mark = parts_of(request).vault.mark("request", asked)
    return idempotency.Request(idempotency.fingerprint(caller.role, caller.name, key), mark)
