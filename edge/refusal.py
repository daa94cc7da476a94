"""The one exception of the hall's rules: somebody asked for a move that is not legal now."""

from __future__ import annotations


class Refused(Exception):
    """A use case says no; nothing was written.

    `code` is stable and becomes the problem's type, `title` is Chinese and may be shown to a visitor or clerk,
    `detail` is for engineers, `status` is the HTTP status.
    """

    def __init__(self, code: str, title: str, detail: str = "", status: int = 409) -> None:
        super().__init__(f"{code}: {detail or title}")
        self.code, self.title, self.detail, self.status = code, title, detail, status
