"""Books of a hall that sends messages, and the moves of its visitors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edge.access.vault import Vault
from edge.hall import Sms
from edge.messages import desk
from edge.queue import desk as queue
from edge.queue import issuing
from tests.books import Books

MODEM = "modem-1"
VAULT = Vault(b"m" * 32)
PHONE, OTHER = "13812345678", "19987654321"


def without_messages(text: str) -> str:
    """A hall file without its `[sms]` table."""
    return "".join(table for table in re.split(r"(?m)^(?=\[)", text) if not table.startswith("[sms]"))


def with_messages(folder: Path, **sms: Any) -> Books:
    books = Books(folder)
    books.hall = books.hall.model_copy(update={"sms": Sms.model_validate({"device": MODEM} | sms)})
    return books


def issue(books: Books, service: str = "pension") -> str:
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1"))


def opt_in(books: Books, ticket: str, phone: str = PHONE) -> None:
    books.do(desk.opt_in, desk.with_phone(VAULT, ticket, phone, "visitor"))


def call(books: Books, window: int = 3) -> str | None:
    """As the reactions do it: what the queue asks for is wanted right after the move."""
    called = books.do(queue.call_next, queue.CallNext(window, "window"))
    remind(books)
    return called.ticket if called else None


def move(books: Books, name: str, ticket: str, window: int | None = None) -> None:
    books.do(queue.make_move, queue.Move(name, ticket, window, "window"))
    remind(books)


def remind(books: Books) -> None:
    books.do(desk.remind, tuple(books.hall.service))


def claim(books: Books) -> desk.Claimed | None:
    return books.do(desk.claim, desk.Claim(MODEM, books.outlook()))


def send(books: Books, reference: str = "r1") -> str | None:
    """The text of the message that goes out now, with the number it goes to; None when none does."""
    claimed = claim(books)
    if claimed is None:
        return None
    books.do(desk.sent, desk.Sent(claimed.id, reference))
    return f"{VAULT.unseal(claimed.sealed, claimed.ticket)} {claimed.text}"


def states(books: Books) -> list[tuple[str, str, str | None]]:
    """(kind, state, why) of each message, in the order in which they were wanted."""
    return [tuple(row) for row in books.rows("SELECT kind, state, why FROM message ORDER BY wanted_at, id")]
