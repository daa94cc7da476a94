"""Reads hand numbers as people type them from a paper list: a number or a range, when, and how it was served. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from edge.hall import Service
from edge.queue.handwritten import Hand, Served
from edge.refusal import Refused

MOST = 200
"""Numbers of one range; a longer one is a slip of the finger."""
RANGE = re.compile(r"([0-9]{1,6})(?:[-~至到—–][A-Z]{0,2}([0-9]{1,6}))?")
TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])")
WINDOW = re.compile(r"([0-9]{1,4})号?窗口?|([0-9]{1,4})号")
At = Callable[[int, int], int]
"""Hour and minute of today as UTC, milliseconds."""


class Line(NamedTuple):
    """What one line says; `times` are taken, or taken, started and ended."""

    numbers: Sequence[str]
    times: Sequence[int]
    window: int | None
    service: str


def read(text: str, prefix: str, services: Sequence[Service], usual: str, at: At) -> tuple[Hand, ...]:
    """Of `7 9:05`, `8-12 9:10 医疗保险`, `S13 9:12 3号窗口 9:20 9:31`, a line each; one that names no service has the
    `usual` one. Raises Refused (422) with every line that cannot be read.
    """
    found: list[Hand] = []
    faults: list[str] = []
    for nth, line in enumerate(unicodedata.normalize("NFKC", text).splitlines(), 1):
        if not line.strip():
            continue
        try:
            found += hands(_line(line, prefix, services, usual, at))
        except ValueError as error:
            faults.append(f"第 {nth} 行“{line.strip()[:40]}”：{error}")
    if faults:
        raise Refused("hand_unfit", "没有录入，请改好这几行再按一次", "; ".join(faults), 422)
    return tuple(found)


def _line(line: str, prefix: str, services: Sequence[Service], usual: str, at: At) -> Line:
    first, *words = re.sub(r"\s*([-~至到—–])\s*", r"\1", line).replace(",", " ").replace("、", " ").split()
    times: list[int] = []
    window, service = None, usual
    for word in words:
        if time := TIME.fullmatch(word):
            times.append(at(int(time[1]), int(time[2])))
        elif no := WINDOW.fullmatch(word):
            window = int(no[1] or no[2])
        else:
            service = _service(word, services)
    return Line(list(numbers(first, prefix)), times, window, service)


def numbers(typed: str, prefix: str) -> Iterator[str]:
    """The digits of a number or of every number of a range, with the zeros that were typed. Raises ValueError."""
    found = RANGE.fullmatch(typed.upper().removeprefix(prefix).removesuffix("号"))
    if found is None:
        raise ValueError(f"“{typed}”不是号码，应像 7、{prefix}007 或 7-12")
    first, last = found[1], found[2] or found[1]
    if not int(first) <= int(last) < int(first) + MOST:
        raise ValueError(f"从 {first} 到 {last} 不对，一次最多 {MOST} 个")
    width = len(first) if first.startswith("0") else 0
    return (f"{each:0{width}d}" for each in range(int(first), int(last) + 1))


def _service(word: str, services: Iterable[Service]) -> str:
    known = list(services)
    exact = [each.id for each in known if word in (each.id, each.name)]
    found = exact or [each.id for each in known if word in each.name]
    if len(found) != 1:
        raise ValueError(f"“{word}”看不懂，时间写 9:05，窗口写 3号窗口，业务写全名")
    return found[0]


def hands(line: Line) -> list[Hand]:
    """Raises ValueError where the times, the window and the numbers do not go together."""
    if not line.service:
        raise ValueError("没有写业务，请在上面选一项")
    if line.window is None and len(line.times) == 1:
        return [Hand(each, line.service, line.times[0]) for each in line.numbers]
    if line.window is None or len(line.times) != 3:
        raise ValueError("等候的写一个时间（取号）；办完的写取号时间、窗口、开始和办完时间")
    if len(line.numbers) > 1:
        raise ValueError("办完的一行写一个号")
    taken, start, end = line.times
    return [Hand(line.numbers[0], line.service, taken, Served(line.window, start, end))]
