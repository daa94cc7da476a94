"""HTTP face of inspection: observations are entered and read."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.clock import rfc3339
from edge.guard import needs
from edge.hall import Hall
from edge.inspection import desk
from edge.parts import actor_of, parts_of, perform

router = APIRouter(prefix="/api/v1/observations", tags=["inspection"])


class Observation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[AwareDatetime | None, Field(description="when it was seen; now without")] = None
    how: Annotated[desk.How, Field(description="巡查 督查 视频巡查")] = "patrol"
    by: Annotated[str, Field(min_length=1, max_length=40, description="who saw it")]
    seen: Annotated[tuple[str, ...], Field(max_length=20, description=" ".join(desk.WORDS))] = ()
    window: int | None = None
    place: Annotated[str, Field(max_length=80, description="where it was no window")] = ""
    staff: Annotated[str, Field(max_length=32, description="工号 of whom it is about")] = ""
    words: Annotated[str, Field(max_length=500)] = ""
    measure: Annotated[str, Field(max_length=500, description="what was done about it")] = ""


@router.get("", dependencies=[needs("ops")])
def observations(
    request: Request,
    first: Annotated[date | None, Query(alias="from", description="today without")] = None,
    last: Annotated[date | None, Query(alias="to", description="today without")] = None,
) -> dict[str, Any]:
    """What was seen on these days, the newest first."""
    parts = parts_of(request)
    today, seq = parts.clock.now().day, parts.journal.last
    with parts.database.read() as connection:
        found = desk.written(connection, str(first or today), str(last or today))
    return {"seq": seq, "observations": [view(parts.hall, each) for each in found]}


def view(hall: Hall, each: desk.Written) -> dict[str, Any]:
    it = each.observation
    return {
        "observation": each.seq,
        "at": rfc3339(it.at, hall.zone_info),
        "how": it.how,
        "by": it.by,
        "seen": [{"id": id_, "name": desk.WORDS.get(id_, id_)} for id_ in it.seen],
        "window": it.window,
        "place": it.place,
        "staff": it.staff or None,
        "words": it.words,
        "measure": it.measure,
        "entered_at": rfc3339(each.entered_at, hall.zone_info),
    }


@router.post("", status_code=201, dependencies=[needs("ops")])
async def observe(request: Request, body: Observation) -> Response:
    """Writes down what was seen; an entry is never changed. Numbers of persons in its words are masked."""
    at = round(body.at.timestamp() * 1000) if body.at else parts_of(request).clock.now().at
    given = body.model_dump(exclude={"at"}) | {"at": at}
    command = desk.Observe(desk.Observation(**given), actor_of(request, "ops"))
    return await perform(request, desk.observe, command, lambda _s, _n, seq: {"observation": seq}, status=201)
