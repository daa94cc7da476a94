"""What a form of a page brought, and the one writing that it leads to, however often it is sent."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from edge.access import idempotency
from edge.clock import Now
from edge.database import Session, Unstored
from edge.hall import Hall
from edge.parts import identity_of, parts_of
from edge.refusal import Refused

Command = TypeVar("Command")
LONGEST = 4 * 1024 * 1024
MOST_FIELDS = 5_000
FILE, ONCE = "file", "once"


@dataclass(frozen=True, slots=True)
class Sent:
    fields: Mapping[str, str]
    """Those that are not empty, without blanks around."""
    file: bytes = b""

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")


async def sent(request: Request) -> Sent:
    """Raises Refused (413)."""
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > LONGEST:
        raise Refused("too_large", "内容太大，请分几次导入", f"not known to be at most {LONGEST} bytes", 413)
    async with request.form(max_fields=MOST_FIELDS, max_part_size=LONGEST) as form:
        upload = form.get(FILE)
        file = await upload.read() if isinstance(upload, UploadFile) else b""
        texts = {key: _text(value) for key, value in form.multi_items() if isinstance(value, str)}
    return Sent({key: value for key, value in texts.items() if value}, file)


def _text(value: str) -> str:
    """Browsers end the lines of a text as Windows does."""
    return value.replace("\r\n", "\n").strip()


def once() -> str:
    """What makes two presses of one drawn form one writing."""
    return secrets.token_urlsafe(12)


async def write(
    request: Request, form: Sent, use_case: Callable[[Session, Hall, Now, Command], object], command: Command
) -> str:
    """What the use case returned, as text; the same form again writes nothing and gets that again. Raises Refused."""
    again = _again(request, form)

    def run(session: Session, hall: Hall, now: Now, command: Command) -> str:
        return idempotency.once(session, now, again, lambda: str(use_case(session, hall, now, command)))

    try:
        return await parts_of(request).writer.do(run, command)
    except Unstored as error:
        raise Refused("not_stored", "没有保存：现在写不进磁盘，请稍后再按一次", str(error), 503) from error


def _again(request: Request, form: Sent) -> idempotency.Request | None:
    if not form[ONCE]:
        return None
    caller = identity_of(request)
    said = urlencode(sorted(form.fields.items()))
    asked = idempotency.fingerprint(request.method, request.url.path, caller.name, said, form.file)
    # As `parts.perform`: a hash of what a form holds, without a key, is soon guessed back.
    mark = parts_of(request).vault.mark("request", asked)
    return idempotency.Request(idempotency.fingerprint(caller.role, caller.name, request.url.path, form[ONCE]), mark)


def go(path: str, **query: object) -> Response:
    """After the writing, so that a reload sends nothing again."""
    return RedirectResponse(path + ("?" + urlencode(query) if query else ""), status_code=303)


TELLING = ("bad_table", "no_such_person", "roster_unfit", "year_unfit")
"""Refusals whose detail says to a person what is wrong where."""


def told(refusal: Refused) -> dict[str, str]:
    """What the page shows above the form, which still holds what was typed."""
    return {"title": refusal.title, "more": refusal.detail.replace("; ", "\n") if refusal.code in TELLING else ""}


def table(form: Sent) -> bytes:
    """The table that was chosen as a file, or pasted: cells that come from a table program stand between tabs."""
    if form.file:
        return form.file
    if not form["table"]:
        raise Refused("no_table", "请选择表格文件，或把表格粘贴到框里", status=422)
    first, _, _ = form["table"].partition("\n")
    rows = csv.reader(io.StringIO(form["table"]), delimiter="\t" if "\t" in first else ",")
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
