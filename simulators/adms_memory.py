"""What a simulated ADMS terminal remembers, what it still has to send, and the commands that it obeys."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from simulators.adms_lines import TIME, VERIFY, Profile, Record, User, capabilities, fields
from simulators.terminal_people import PEOPLE, Clock, days

NO_SUCH_PIN, UNSUPPORTED = -10, -1002


@dataclass(slots=True)
class Memory:
    serial: str
    profile: Profile
    clock: Clock
    users: dict[str, User] = field(
        default_factory=lambda: {each.number: User(each.number, each.name, str(each.card)) for each in PEOPLE}
    )
    """By PIN."""
    records: list[Record] = field(default_factory=list)
    pending: list[Record] = field(default_factory=list)
    """Not yet taken by the service, in the order of sending."""
    uploads: deque[tuple[str, bytes]] = field(default_factory=deque)
    """(table, body) likewise."""
    results: list[str] = field(default_factory=list)
    """Of commands, likewise."""
    told: dict[str, str] = field(default_factory=dict)
    """The keys of the last handshake, and what SET OPTION set."""
    obeyed: deque[tuple[str, str, int]] = field(default_factory=lambda: deque(maxlen=200))
    """Id, command and return code, oldest first."""
    shaken: bool = False
    """Hands were shaken, and nothing has made it begin anew."""
    _numbered: int = 0

    # ---- records

    def record(self, number: str, at: datetime, mode: str, leaving: bool) -> Record:
        self._numbered += 1
        return Record(self._numbered, number, at, int(leaving), VERIFY[mode])

    def remember(self, count: int) -> None:
        """Punches of the last `count` days are there, and have not been sent."""
        past = [
            self.record(who.number, at, mode, leaving)
            for at, who, mode, leaving in days(self.clock.local(), count)
            if who.number in self.users
        ]
        self.records[:0] = past
        self.again(past)

    def again(self, records: list[Record]) -> None:
        """Sends these before whatever else is pending."""
        self.pending = records + [each for each in self.pending if each not in records]

    # ---- commands

    def obey(self, command_id: str, command: str) -> None:
        name = command.split(" ")[0]
        code = self._run(command)
        self.obeyed.append((command_id, command, code))
        rest = "".join(f"\n{key}={value}" for key, value in capabilities(self.serial, self.profile).items())
        self.results.append(f"ID={command_id}&Return={code}&CMD={name}" + (rest if command == "INFO" else ""))

    def _run(self, command: str) -> int:
        """The return code."""
        for begin, act in (
            ("DATA UPDATE USERINFO ", self._update_user),
            ("DATA DELETE USERINFO ", self._delete_user),
            ("DATA QUERY ATTLOG ", self._query),
            ("SET OPTION ", self._set_option),
        ):
            if command.startswith(begin):
                return act(fields(command.removeprefix(begin)))
        if command == "CLEAR LOG":
            self.records, self.pending = [], []
        elif command in ("CHECK", "REBOOT", "RELOAD OPTIONS"):
            self.shaken = False
        elif command not in ("LOG", "INFO", "AC_UNLOCK"):
            return UNSUPPORTED
        return 0

    def _update_user(self, told: Mapping[str, str]) -> int:
        pin = told.get("PIN", "")
        if not pin:
            return -1
        privilege = told.get("Pri", told.get("Privilege", "0"))
        self.users[pin] = User(pin, told.get("Name", ""), told.get("Card", ""), privilege)
        return 0

    def _delete_user(self, told: Mapping[str, str]) -> int:
        return NO_SUCH_PIN if self.users.pop(told.get("PIN", ""), None) is None else 0

    def _query(self, told: Mapping[str, str]) -> int:
        try:
            begin, end = (datetime.strptime(told[key], TIME) for key in ("StartTime", "EndTime"))  # noqa: DTZ007
        except (KeyError, ValueError):
            return -1
        self.again([each for each in self.records if begin <= each.at <= end])
        return 0

    def _set_option(self, told: Mapping[str, str]) -> int:
        self.told.update(told)
        return 0
