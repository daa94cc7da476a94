"""What comes out of the printers: templates in config/slips/*.toml, one per paper form, filled with values. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.base import Qr, Rule, Slip, Text
from edge.hall import Hall
from edge.mask import Kind, mask
from edge.refusal import Refused

Values = Mapping[str, str]
WORD = re.compile(r"\{(\w+)\}")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Model):
    """One thing on the paper: a text, a QR code or a line across."""

    text: str | None = None
    qr: str | None = None
    rule: bool = False
    size: Annotated[int, Field(ge=1, le=4)] = 1
    align: Literal["left", "center", "right"] = "left"
    bold: bool = False
    when: str | None = None
    """Only when this word has a value."""

    @model_validator(mode="after")
    def _one_thing(self) -> Part:
        if sum((self.text is not None, self.qr is not None, self.rule)) != 1:
            raise ValueError("a part is either text, qr or rule")
        return self


class SlipTemplate(_Model):
    title: str
    paper: str = "ticket"
    """The kind of paper it belongs on; a printer has one kind (hall file, `paper`)."""
    words: dict[str, str]
    """What the template may name, each with an example for the preview."""
    required: tuple[str, ...] = ()
    masked: dict[str, Kind] = {}
    """Words that are about a person, and what they are: masked before anything is stored."""
    parts: Annotated[tuple[Part, ...], Field(alias="part", min_length=1)]

    @model_validator(mode="after")
    def _words_are_known(self) -> SlipTemplate:
        named = {word for part in self.parts for word in WORD.findall((part.text or "") + (part.qr or ""))}
        named |= {part.when for part in self.parts if part.when} | set(self.required) | set(self.masked)
        if strangers := sorted(named - set(self.words)):
            raise ValueError(f"{', '.join(strangers)} not among [words]: {', '.join(self.words)}")
        return self


class SlipFileError(Exception):
    """A template cannot be used; the text says which and why."""


def load_slips(*folders: Path) -> dict[str, SlipTemplate]:
    """Templates by file name; a later folder's replace an earlier one's. Raises SlipFileError."""
    found = {}
    for path in [path for folder in folders for path in sorted(folder.glob("*.toml"))]:
        try:
            found[path.stem] = SlipTemplate.model_validate(tomllib.loads(path.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise SlipFileError(f"{path}: {error}") from error
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise SlipFileError(f"{path}: {told}") from error
    return found


NAMES: Mapping[str, str] = {
    "applicant": "申请人",
    "item": "办理事项",
    "content": "内容",
    "deadline": "补齐期限",
    "reason": "理由",
    "basis": "退件依据",
    "units": "联办单位",
    "promised": "承诺时限",
    "receiver": "经办人（请先登录窗口）",
    "date": "日期",
}
"""What a clerk calls the words that a notice must have."""


def fill(template: SlipTemplate, values: Values) -> dict[str, str]:
    """The values as they may be stored and printed: nothing unknown or missing, persons masked. Raises Refused."""
    if strangers := sorted(set(values) - set(template.words)):
        raise Refused("unknown_word", f"{template.title}里没有“{strangers[0]}”这一项", ", ".join(strangers), 422)
    if missing := [word for word in template.required if not values.get(word, "").strip()]:
        named = "、".join(NAMES.get(word, word) for word in missing)
        raise Refused("missing_word", f"{template.title}还缺：{named}", ", ".join(missing), 422)
    return {
        word: mask(template.masked[word], text) if word in template.masked else text for word, text in values.items()
    }


def compose(template: SlipTemplate, values: Values) -> Slip:
    """The slip with these values; a word without one is empty."""
    known = dict.fromkeys(template.words, "") | dict(values)
    shown = [part for part in template.parts if part.when is None or known[part.when]]
    return Slip(tuple(_part(part, known) for part in shown))


def _part(part: Part, values: Values) -> Text | Qr | Rule:
    if part.rule:
        return Rule()
    if part.qr is not None:
        return Qr(WORD.sub(lambda found: values[found[1]], part.qr))
    text = WORD.sub(lambda found: values[found[1]], part.text or "")
    return Text(text, size=part.size, align=part.align, bold=part.bold)


def ticket_values(hall: Hall, ticket: Mapping[str, Any], key: str, *, copy: bool) -> dict[str, str]:
    """What a visitor's slip says; `ticket` is `queue.board.ticket`. It names the windows able to serve, not one.

    `key` stands on this slip alone: who holds it may rate the service.
    """
    estimate, ahead, url = ticket["estimate"], ticket["ahead"], hall.hall.public_url
    return {
        "hall": hall.hall.name,
        "copy": "补打" if copy else "",
        "number": ticket["number"],
        "service": ticket["service"]["name"],
        "ahead": str(ahead),
        "wait": estimate["words"] if estimate else "",
        "windows": "、".join(f"{each['floor']}{each['no']}号{each['name']}" for each in ticket["windows"]),
        "taken": str(ticket["taken_at"])[:16].replace("T", " "),
        "url": f"{url.rstrip('/')}/t/{ticket['id']}?k={key}" if url else "",
    }
