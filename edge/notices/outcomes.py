"""The notices that an outcome prints: 补办件通知书 and 窗口退件通知书, with the code to come back with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.hall import Hall
from edge.hallqueue import Outcome
from edge.notices.slips import SlipTemplate, fill
from edge.queue import board, rows
from edge.queue.finishing import Notice
from edge.refusal import Refused
from edge.statements import Statements

FORMS: Mapping[Outcome, str] = {"supplement": "supplement_notice", "rejected": "return_notice"}
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Of a code: none that is taken for another."""


def code_of(numbers: bytes) -> str:
    """Ten letters, some 49 bits, from at least ten random bytes."""
    return "".join(LETTERS[each % len(LETTERS)] for each in numbers[:10])


@dataclass(frozen=True, slots=True)
class Told:
    """What a clerk says of a visit that ends with a notice."""

    window: int
    ticket: str
    outcome: Outcome | None
    missing: tuple[str, ...]
    """As ticked."""
    text: str
    """In the clerk's own words."""
    values: Mapping[str, str]
    """Words of the form that only a person knows: applicant, deadline, basis."""


def notice(
    slips: Mapping[str, SlipTemplate], hall: Hall, connection: Statements, day: str, told: Told, code: str
) -> Notice | None:
    """The notice of this outcome, persons masked; None where nothing is missing. Raises Refused (404, 422)."""
    lines = "\n".join(filter(None, [*told.missing, told.text.strip()]))
    if not lines:
        return None
    form = FORMS.get(told.outcome) if told.outcome else None
    if form is None:
        raise Refused("no_notice", "只有补办和退件出通知书，请改选办理结果", f"outcome {told.outcome}", 422)
    if told.window not in hall.window:
        raise Refused("no_such_window", f"没有{told.window}号窗口", status=404)
    template, printer = slips[form], hall.window[told.window].printer
    # What was ticked, and the code, are as they are stored, whatever else is said.
    words = _known(hall, connection, told, day) | dict(told.values) | {"content": lines, "reason": lines, "code": code}
    filled = fill(
        template, {word: text for word, text in words.items() if word in template.words or word in told.values}
    )
    fits = printer is not None and hall.device[printer].paper == template.paper
    return Notice(code, told.missing, form, filled, printer if fits else None)


def _known(hall: Hall, connection: Statements, told: Told, day: str) -> dict[str, str]:
    """What a clerk need not type: the hall, the window, today, the service, and who is signed in there."""
    clerk = hall.clerk.get(board.windows(connection, hall, (told.window,))[0]["staff"] or "")
    service, _ = rows.visit_of(connection, told.ticket)
    return {
        "hall": hall.hall.name,
        "window": f"{told.window}号{hall.window[told.window].name}",
        "date": day,
        "item": hall.service[service].name if service in hall.service else "",
        "receiver": f"{clerk.name} {clerk.id}" if clerk else "",
        "phone": hall.window[told.window].phone,
    }
