"""What simulated attendance terminals (打卡机) share: who is enrolled, when they punch, and a clock that may be wrong.

Nobody here exists. Where a real terminal would keep a face or a finger, these give `biometric`: random bytes behind
`CANARY`, so that a test can search a whole installation for them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

CANARY = b"CANARY-SIMULATED-BIOMETRIC-BIT"
"""30 bytes: in Base64 it is `CANARY_BASE64` and depends on nothing that follows."""
CANARY_BASE64 = b64encode(CANARY)
MODES = {"face": "刷脸", "finger": "按指纹", "card": "刷卡"}
CLOCKS = {0: "时钟准", 420: "快七分钟", -600: "慢十分钟", 3600: "快一小时", -2 * 365 * 86400: "慢两年"}
"""Seconds ahead, and what its button says."""
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"


@dataclass(frozen=True, slots=True)
class Person:
    uid: int
    """The terminal's own number, from 1."""
    number: str
    """工号"""
    name: str
    card: int


PEOPLE = tuple(
    Person(uid, number, name, card)
    for uid, (number, name, card) in enumerate(
        [
            ("1001", "张示例", 10010001),
            ("1002", "李样本", 10010002),
            ("1003", "王虚构", 10010003),
            ("1004", "赵㛃", 10010004),  # not in GBK
            ("1005", "欧阳测试", 10010005),
            ("1006", "Alex", 10010006),
        ],
        1,
    )
)


@dataclass(slots=True)
class Clock:
    """The clock of the terminal: a real one, wrong by `off_s` seconds, shown in a zone."""

    off_s: float = 0.0
    """Seconds; positive when it is ahead."""
    zone_min: int = 480
    """Minutes east of Greenwich."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """The true time; a test may put its own here."""

    def local(self) -> datetime:
        """What the terminal shows, in whole seconds and without a zone."""
        return (self.now() + timedelta(minutes=self.zone_min, seconds=self.off_s)).replace(tzinfo=None, microsecond=0)

    def set(self, local: datetime) -> None:
        shown = self.now() + timedelta(minutes=self.zone_min)
        self.off_s = (local - shown.replace(tzinfo=None)).total_seconds()


def days(until: datetime, count: int) -> Iterator[tuple[datetime, Person, str, bool]]:
    """Punches of the `count` days before the day of `until`, oldest first: (time, who, mode, whether leaving)."""
    for back in range(count, 0, -1):
        midnight = until.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
        random = Random(midnight.toordinal())  # noqa: S311  punches, not secrets
        punches = []
        for person in PEOPLE:
            for hour, leaving in ((8, False), (12, True), (13, False), (17, True)):
                at = midnight + timedelta(hours=hour, minutes=30, seconds=random.randrange(1500))
                punches.append((at, person, random.choice(list(MODES)), leaving))
        yield from sorted(punches, key=lambda punch: punch[0])


def biometric(seed: str, size: int = 512) -> bytes:
    """What stands for a template."""
    return CANARY + Random(seed).randbytes(size - len(CANARY))  # noqa: S311


def photo(seed: str) -> bytes:
    """What stands for a picture of a face: it begins and ends like a JPEG and is none."""
    return JPEG + biometric(seed, 3000) + b"\xff\xd9"


def masked(name: str) -> str:
    return name[:1] + "*" * min(2, len(name) - 1)


# ---- the buttons that all of them have


def buttons(people: Iterable[tuple[str, str]], clock: Clock) -> list[dict[str, Any]]:
    """`punch:<number>:<mode>` for each of (number, name), and `clock:<seconds>`, for `controls`."""
    found: list[dict[str, Any]] = [
        {"name": f"punch:{number}:{mode}", "label": f"{label} {number} {masked(name)}", "group": label}
        for mode, label in MODES.items()
        for number, name in list(people)[:12]
    ]
    for seconds, label in CLOCKS.items():
        wrong = {"on": abs(clock.off_s - seconds) < 1} if seconds else {}
        found.append({"name": f"clock:{seconds}", "label": label, "group": "时钟"} | wrong)
    return found


def switches(labels: Mapping[str, str], on: Mapping[str, bool]) -> list[dict[str, Any]]:
    return [{"name": name, "label": label, "on": on[name]} for name, label in labels.items()]
