"""The forms of a page as a browser sends them: what is drawn into them, and what a person changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._name = self._text = ""
        self._first = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input":
            unset = given.get("type") in ("checkbox", "radio") and "checked" not in given
            if name and not unset and given.get("type") != "file":
                form.fields[name] = given.get("value", "")
        elif tag in ("select", "textarea"):
            self._name, self._text, self._first = name, "", True
        elif tag == "option" and self._name:
            if self._first or "selected" in given:
                form.fields[self._name] = given.get("value", "")
            self._first = False

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._form is not None:
            self._form.fields[self._name] = self._text.removeprefix("\n")
        if tag in ("select", "textarea"):
            self._name = ""
        if tag == "form":
            self._form = None


def forms(page: str) -> list[Form]:
    reader = _Reader()
    reader.feed(page)
    return reader.forms


def form(page: str, action: str, **fields: str) -> Form:
    """The first that is posted to this path and holds these fields; the only one, where none are named."""
    found = [each for each in forms(page) if (each.method, each.action) == ("post", action)]
    return next(each for each in found if fields.items() <= each.fields.items())
