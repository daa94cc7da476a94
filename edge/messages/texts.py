"""What a text message says, when one is due, and the words for what became of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from edge.clock import local
from edge.hall import Hall, Sms
from edge.hallday import Hours
from edge.refusal import Refused

Kind = Literal["issued", "soon", "come"]
KINDS: tuple[Kind, ...] = get_args(Kind)
State = Literal["wanted", "sending", "sent", "delivered", "failed", "unknown", "expired", "suppressed"]
STATES: tuple[State, ...] = get_args(State)
LIFE_MS: Mapping[Kind, int] = {"issued": 10 * 60_000, "soon": 5 * 60_000, "come": 3 * 60_000}
"""A message is a moment: it is not sent after so long."""
LONGEST = 133
"""UTF-16 units: two parts of 67, where a character of two units may not be torn."""
GIVES_WAY = ("service", "place", "name")
"""Words that are shortened when a text is too long, in this order."""

MOBILE = re.compile(r"1[3-9][0-9]{9}")
LENGTH = 11


def mobile(typed: str) -> str:
    """The number that a visitor typed, spaces left out. Raises Refused (422) for one that is no mainland mobile."""
    number = "".join(typed.split())
    if len(number) != LENGTH:
        raise Refused("bad_phone", f"手机号是{LENGTH}位数字，请再输一次", f"not {LENGTH} digits", 422)
    if MOBILE.fullmatch(number) is None:
        raise Refused("bad_phone", "这不是手机号，手机号以13到19开头", "no mainland mobile number", 422)
    return number


def units(text: str) -> int:
    """UTF-16 units: what a message in UCS2 counts."""
    return len(text.encode("utf-16-be")) // 2


def cut(text: str, most: int) -> str:
    """At most so many UTF-16 units; what is left out is marked by an ellipsis."""
    if units(text) <= most:
        return text
    while text and units(text) > most - 1:
        text = text[:-1]
    return text + "…" if most > 0 else ""


def compose(hall: Hall, kind: Kind, words: Mapping[str, str]) -> str:
    """【the hall's name】 and the hall's own words for this kind, in at most two parts.

    Without `low` and `high` in `words`, a text of the hall that names them gives way to the default.
    """
    fitting = dict(words)
    text = _fill(hall, kind, fitting)
    for word in GIVES_WAY:
        too_long = units(text) - LONGEST
        if too_long > 0 and word in fitting:
            fitting[word] = cut(fitting[word], max(0, units(fitting[word]) - too_long))
            text = _fill(hall, kind, fitting)
    return cut(text, LONGEST)


def _fill(hall: Hall, kind: Kind, words: Mapping[str, str]) -> str:
    template: str = getattr(hall.sms, kind)
    if kind == "issued" and "low" not in words and ("{low}" in template or "{high}" in template):
        template = Sms.model_fields["issued"].default  # nobody can say how many minutes
    return f"【{hall.hall.name}】{template.format(**words)}"


def due(ahead: int, thresholds: Iterable[int]) -> int | None:
    """The threshold that holds with so many ahead: the smallest that they do not exceed. None: too many are ahead."""
    return min((each for each in thresholds if ahead <= each), default=None)


def is_quiet(hall: Hall, at: int) -> bool:
    """Whether no message may go out at this time (UTC, milliseconds)."""
    now = local(at, hall.zone_info).strftime("%H:%M")
    return any(_within(each, now) for each in hall.sms.quiet)


def _within(hours: Hours, now: str) -> bool:
    if hours.start <= hours.end:
        return hours.start <= now < hours.end
    return now >= hours.start or now < hours.end  # over midnight


WHY: Mapping[str, str] = {
    "late": "没有及时发出，已过时效",
    "no_phone": "办事人不再接收短信",
    "replaced": "办事人换了手机号",
    "moved_on": "号的状态已经变了，不用再发",
    "quiet": "免打扰时段",
    "daily_cap": "今天的短信总数到了上限",
    "per_phone": "这个手机号今天的短信到了上限",
    "cut_off": "发送时中断，不知道发出没有",
    "unreadable": "手机号的密钥换过，打不开",
    "undelivered": "运营商回执：没有送达",
    "bad_number": "运营商说号码不对",
    "busy": "网络忙",
    "network_timeout": "网络没有回答",
    "no_network": "没有移动网络",
    "no_sim": "没有SIM卡",
    "sim_pin": "SIM卡要PIN码",
    "no_smsc": "SIM卡没有短信中心号码",
    "barred": "SIM卡不能发短信，请查套餐和余额",
    "memory_full": "短信设备存满了",
    "too_long": "短信太长",
}


def why_words(why: str) -> str:
    """In words for ops; a refusal that only the device knows is named as it named it."""
    return WHY.get(why, f"短信设备拒绝：{why}")
