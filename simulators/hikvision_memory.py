"""What a Hikvision terminal remembers: its users and its events, and how ISAPI asks for them.

The methods that take what was asked raise `Refused`, or KeyError, TypeError, ValueError or AttributeError for what has
not the shape that it must have.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from simulators.hikvision_events import CLOSED, MINOR, NO_RIGHT, OPENED, STRANGER, Event, found
from simulators.terminal_people import PEOPLE, Clock, days

PAGE = 30
"""Entries of one answer, whatever was asked for."""
KEPT, SEARCHES = 5000, 4
LAST_DAY = "2037-12-31T23:59:59"

_Row = TypeVar("_Row")


class Refused(Exception):
    """`what` is the subStatusCode."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _user(number: str, name: str) -> dict[str, Any]:
    valid = {"enable": True, "beginTime": "2020-01-01T00:00:00", "endTime": LAST_DAY, "timeType": "local"}
    return {"employeeNo": number, "name": name, "userType": "normal", "Valid": valid}


@dataclass(slots=True)
class Memory:
    clock: Clock
    users: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {each.number: _user(each.number, each.name) for each in PEOPLE}
    )
    """By employeeNo, as ISAPI has them."""
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT))
    _searches: OrderedDict[str, list[Event]] = field(default_factory=OrderedDict)
    _serial: int = 0

    # ---- events

    def now(self) -> datetime:
        """With the terminal's zone."""
        return self.zoned(self.clock.local())

    def zoned(self, local: datetime) -> datetime:
        return local.replace(tzinfo=timezone(timedelta(minutes=self.clock.zone_min)))

    def punch(self, number: str, mode: str, at: datetime, status: str) -> list[Event]:
        """The events that it made. A `number` that nobody has is a stranger's."""
        user = self.users.get(number)
        if user is None:
            return [self._event(at, STRANGER[mode])]
        card = next((str(each.card) for each in PEOPLE if each.number == number and mode == "card"), "")
        who = {"number": number, "name": str(user.get("name", "")), "card": card}
        if not self.allowed(number):
            return [self._event(at, NO_RIGHT, **who)]
        verified = self._event(at, MINOR[mode], **who, status=status)
        return [verified, self._event(at, OPENED), self._event(at + timedelta(seconds=5), CLOSED)]

    def allowed(self, number: str) -> bool:
        valid = self.users.get(number, {}).get("Valid")
        return number in self.users and not (isinstance(valid, dict) and valid.get("enable") is False)

    def _event(self, at: datetime, minor: int, **who: str) -> Event:
        self._serial += 1
        event = Event(self._serial, at, minor, **who)
        self.events.append(event)
        return event

    def remember(self, count: int) -> None:
        """Punches of the last `count` days are there, behind those that are."""
        for at, who, mode, leaving in days(self.clock.local(), count):
            self.punch(who.number, mode, self.zoned(at), "checkOut" if leaving else "checkIn")

    def search(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an AcsEventCond."""
        key, start = str(told["searchID"]), int(told["searchResultPosition"])
        if start == 0 or key not in self._searches:
            self._searches[key] = self._matches(told)
            while len(self._searches) > SEARCHES:
                self._searches.popitem(last=False)
        page, summary = _page(self._searches[key], start, int(told["maxResults"]))
        rows = {"InfoList": [found(each) for each in page]} if page else {}
        return {"AcsEvent": {"searchID": key, **summary, **rows}}

    def _matches(self, told: Mapping[str, Any]) -> list[Event]:
        begin, end = (datetime.fromisoformat(told[key]) for key in ("startTime", "endTime"))
        if begin.tzinfo is None or end.tzinfo is None:
            raise Refused("badParameters")
        major, minor, number = int(told["major"]), int(told["minor"]), told.get("employeeNoString", "")
        return [
            each
            for each in self.events
            if begin <= each.at <= end
            and major in (0, 5)
            and minor in (0, each.minor)
            and (not number or each.number == number)
        ]

    # ---- users

    def add_user(self, told: Mapping[str, Any]) -> None:
        user = told["UserInfo"]
        number = _number(user)
        if number in self.users:
            raise Refused("employeeNoAlreadyExist")
        self.users[number] = _user(number, "") | user

    def change_user(self, told: Mapping[str, Any]) -> None:
        user = told["UserInfo"]
        number = _number(user)
        if number not in self.users:
            raise Refused("employeeNoNotExist")
        self.users[number] = self.users[number] | user

    def delete_users(self, told: Mapping[str, Any]) -> None:
        detail = told.get("UserInfoDetail") or told["UserInfoDelCond"]
        if detail.get("mode") == "all":
            self.users.clear()
            return
        for number in _numbers(detail["EmployeeNoList"]):
            self.users.pop(number, None)

    def search_users(self, told: Mapping[str, Any]) -> dict[str, Any]:
        asked = told["UserInfoSearchCond"]
        wanted = _numbers(asked.get("EmployeeNoList", []))
        users = [user for number, user in self.users.items() if not wanted or number in wanted]
        page, summary = _page(users, int(asked["searchResultPosition"]), int(asked["maxResults"]))
        rows = {"UserInfo": page} if page else {}
        return {"UserInfoSearch": {"searchID": str(asked["searchID"]), **summary, **rows}}


def _number(user: Mapping[str, Any]) -> str:
    number = user["employeeNo"]
    if not isinstance(number, str) or not number:
        raise Refused("badParameters")
    return number


def _numbers(told: Iterable[Mapping[str, Any]]) -> list[str]:
    return [_number(each) for each in told]


def _page(rows: Sequence[_Row], start: int, most: int) -> tuple[list[_Row], dict[str, Any]]:
    """The rows of a page, and what every search says of them."""
    if start < 0 or most < 1:
        raise Refused("badParameters")
    page = list(rows[start : start + min(most, PAGE)])
    word = "NO MATCH" if not page else "MORE" if start + len(page) < len(rows) else "OK"
    return page, {"responseStatusStrg": word, "numOfMatches": len(page), "totalMatches": len(rows)}
