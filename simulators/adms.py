"""A ZKTeco attendance terminal that calls the service over HTTP (ADMS, iclock push). Not proven on hardware.

    GET  /iclock/cdata?SN=..&options=all        "GET OPTION FROM: SN" and key=value lines; the clock from `Date`
    POST /iclock/cdata?SN=..&table=ATTLOG&Stamp=n    PIN, time, status, verify, .. by TAB; "OK: n"
    GET  /iclock/getrequest?SN=..               "OK" or lines C:<id>:<command>
    POST /iclock/devicecmd?SN=..                ID=..&Return=0&CMD=..; "OK"

What it has recorded it keeps, and sends again, until the answer is 2xx and begins with OK.

Source: the vendor's PUSH manual 2.4.1, notes of what real devices send. Where they say nothing: a batch has 100 lines;
an old terminal alone heeds the stamp of the handshake, 9999 meaning that it has nothing to send.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, get_args

import httpx

from simulators.adms_lines import (
    BIOMETRICS,
    Profile,
    allowed,
    biometrics,
    capabilities,
    commands,
    oplog,
    options,
    zone_minutes,
)
from simulators.adms_memory import Memory
from simulators.terminal_people import MODES, PEOPLE, Clock, buttons, masked, switches
from simulators.terminal_picture import draw

AGENT = "iClock Proxy/1.09"
BATCH = 100  # lines
DELAY_S, ERROR_DELAY_S, PATIENCE_S = 5.0, 30.0, 10.0
NOTHING = "9999"
OPENED_MENU, STARTED = 4, 0
"""Codes of OPLOG."""
SWITCHES = {
    "leaving": "按了下班键",
    "offline": "断网",
    "deaf": "收不到应答",
    "junk": "夹带杂行",
    "own_clock": "不听校时",
    "slash": "网址多一斜杠",
    "bare": "网址无 iclock",
}
ACTS = {
    "reboot": "重启",
    "days": "补三天记录",
    "replay": "重发一周",
    "menu": "进菜单",
    "users": "上传人员",
    "registry": "按门禁机注册",
}


class Failed(Exception):
    """The service did not take it: what was to be sent stays."""


class Pusher:
    """`call` keeps it calling; `punch` is what people do.

    Options: `serial` (default from the device's id), `key` (pushcommkey), `clock_off_s`, and `profile`: `legacy`
    (.aspx, 5 fields, heeds stamps), `push` (7 fields, the default) or `biodata` (10 fields, a photo with each face).
    """

    calls = True
    """It calls the service; nothing is served on its link."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.serial = str(options.get("serial", f"SIM{sum(device_id.encode()):010d}"))
        self.key = str(options.get("key", ""))
        profile = options.get("profile", "push")
        if profile not in get_args(Profile):
            raise ValueError(f"profile {profile!r}: it is one of {get_args(Profile)}")
        self.profile: Profile = profile
        self.on = dict.fromkeys(SWITCHES, False)
        self.memory = Memory(self.serial, profile, Clock(float(options.get("clock_off_s", 0))))
        self.online = self.registers = False
        self.said = ""
        self.greeted, self.words, self.trouble = "", "", False
        self.transport: httpx.AsyncBaseTransport | None = None
        """How the service is reached; None: over the network."""
        self._wake = asyncio.Event()
        self._uploaded_at: float | None = None

    # ---- the line

    async def call(self, url: str) -> None:
        """Calls the service at `http://host:port`, again and again. Ends only by cancellation."""
        headers = {"User-Agent": AGENT} | ({"Connection": "close"} if self.profile == "legacy" else {})
        base = {"base_url": url, "transport": self.transport, "timeout": PATIENCE_S, "trust_env": False}
        async with httpx.AsyncClient(headers=headers, **base) as client:  # type: ignore[arg-type]
            while True:
                self._wake.clear()
                await self._rest(await self._turn(client))

    async def _rest(self, seconds: float) -> None:
        """Until then, or until something happens here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _turn(self, client: httpx.AsyncClient) -> float:
        """One round of calls; the seconds to the next."""
        if self.on["offline"]:
            self.online = self.memory.shaken = False
            return ERROR_DELAY_S
        try:
            await self._round(client)
        except (httpx.HTTPError, httpx.InvalidURL, Failed) as error:
            self.online, self.said = False, str(error) or type(error).__name__
            return self._seconds("ErrorDelay", ERROR_DELAY_S)
        self.online = True
        return self._seconds("Delay", DELAY_S)

    async def _round(self, client: httpx.AsyncClient) -> None:
        """Raises `Failed` and httpx's errors, as do those below."""
        if not self.memory.shaken:
            await self._shake_hands(client)
        if self.registers:
            self.registers = False
            await self._register(client)
        if self._may_upload():
            await self._upload(client)
        await self._report(client)
        info = f"Ver 8.0.4,{len(self.memory.users)},0,{len(self.memory.records)}"
        answer = await self._get(client, "getrequest", INFO=info)
        for command_id, command in commands(answer.content.decode("gbk", "replace")):
            self.memory.obey(command_id, command)
        await self._report(client)

    async def _shake_hands(self, client: httpx.AsyncClient) -> None:
        extra = {} if self.profile == "legacy" else {"pushver": "2.4.1", "DeviceType": "att"}
        if self.key:
            extra["pushcommkey"] = self.key
        answer = await self._get(client, "cdata", options="all", language="83", **extra)
        told = options(answer.text)
        if told is None:
            raise Failed(f"握手没有得到参数：{answer.text[:40]!r}")
        self.memory.told = told
        self._adopt_clock(answer.headers.get("date", ""))
        self._adopt_stamp()
        self.memory.shaken = True
        if self.profile != "legacy":
            own = ",".join(f"{key}={value}" for key, value in capabilities(self.serial, self.profile).items())
            await self._post(client, "cdata", own.encode(), table="options")

    async def _register(self, client: httpx.AsyncClient) -> None:
        """As a terminal does that was set to the other family, access control: whatever the answer, it goes on."""
        own = ",".join(f"{key}={value}" for key, value in capabilities(self.serial, self.profile).items())
        answer = await client.post(self._path("registry"), params={"SN": self.serial}, content=own.encode())
        self.said = f"注册应答 {answer.status_code}：{answer.text[:40]!r}"

    def _adopt_clock(self, date: str) -> None:
        zone = zone_minutes(self.memory.told.get("TimeZone", ""))
        self.memory.clock.zone_min = self.memory.clock.zone_min if zone is None else zone
        if self.on["own_clock"]:
            return
        with contextlib.suppress(ValueError):
            told = parsedate_to_datetime(date)
            told = told if told.tzinfo else told.replace(tzinfo=UTC)
            self.memory.clock.off_s = (told - self.memory.clock.now()).total_seconds()

    def _adopt_stamp(self) -> None:
        stamp = self.memory.told.get("ATTLOGStamp", self.memory.told.get("Stamp", ""))
        if self.profile != "legacy":
            return
        if stamp == NOTHING:
            self.memory.pending = []
        elif stamp in ("0", "None"):
            self.memory.pending = list(self.memory.records)
        elif stamp.isdecimal() and len(stamp) < 20:
            self.memory.pending = [each for each in self.memory.records if each.number > int(stamp)]

    def _may_upload(self) -> bool:
        """Whether punches go out at once, or the interval is over."""
        if self.memory.told.get("Realtime", "1") != "0" or self._uploaded_at is None:
            return True
        return asyncio.get_running_loop().time() >= self._uploaded_at + 60 * self._seconds("TransInterval", 1)

    async def _upload(self, client: httpx.AsyncClient) -> None:
        self._uploaded_at = asyncio.get_running_loop().time()
        while self.memory.pending and "AttLog" in allowed(self.memory.told.get("TransFlag", "")):
            batch = self.memory.pending[:BATCH]
            lines = [each.line(self.profile) for each in batch]
            if self.on["junk"]:
                lines = ["TABLE=ATTLOG", "\x00\x7f junk", *lines, "9\tno time at all"]
            body = "".join(line + "\n" for line in lines).encode()
            await self._post(client, "cdata", body, table="ATTLOG", Stamp=str(max(each.number for each in batch)))
            self.memory.pending = [each for each in self.memory.pending if each not in batch]
        while self.memory.uploads:
            table, body = self.memory.uploads[0]
            await self._post(client, "cdata", body, table=table, Stamp=str(len(self.memory.records)))
            self.memory.uploads.popleft()

    async def _report(self, client: httpx.AsyncClient) -> None:
        results = list(self.memory.results)
        if results:
            await self._post(client, "devicecmd", "".join(line + "\n" for line in results).encode("gbk", "replace"))
            del self.memory.results[: len(results)]

    async def _get(self, client: httpx.AsyncClient, name: str, **query: str) -> httpx.Response:
        answer = await client.get(self._path(name), params={"SN": self.serial, **query})
        return self._taken(answer)

    async def _post(self, client: httpx.AsyncClient, name: str, body: bytes, **query: str) -> None:
        answer = await client.post(self._path(name), params={"SN": self.serial, **query}, content=body)
        if not self._taken(answer).text.lstrip().startswith("OK"):
            raise Failed(f"应答不是 OK：{answer.text[:40]!r}")

    def _taken(self, answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise Failed(f"应答 {answer.status_code}")
        if self.on["deaf"]:
            raise Failed("没有收到应答")
        return answer

    def _path(self, name: str) -> str:
        suffix = ".aspx" if self.profile == "legacy" else ""
        return ("" if self.on["bare"] else "/iclock") + f"/{name}{suffix}" + ("/" if self.on["slash"] else "")

    def _seconds(self, key: str, default: float) -> float:
        value = self.memory.told.get(key, "")
        return float(value) if value.isdecimal() and len(value) < 6 and int(value) else default

    # ---- what people do and see

    def punch(self, number: str, mode: str) -> None:
        """`mode` is one of `terminal_people.MODES`."""
        user = self.memory.users.get(number)
        self.greeted, self.trouble = masked(user.name) if user else "", user is None
        self.words = f"{MODES[mode]}成功" if user else "没有权限"
        if user is None:
            return
        record = self.memory.record(number, self.memory.clock.local(), mode, self.on["leaving"])
        self.memory.records.append(record)
        self.memory.pending.append(record)
        wanted = self.profile == "biodata" and "AttPhoto" in allowed(self.memory.told.get("TransFlag", ""))
        if mode == "face" and wanted:
            self.memory.uploads.append(biometrics("photo", self.serial, number, record.at))
        if self.online and self.memory.told.get("Realtime", "1") != "0":
            self._wake.set()

    def upload(self, kind: str) -> None:
        """Sends what nobody asked for: one of `adms_lines.BIOMETRICS`, a canary."""
        self.memory.uploads.append(biometrics(kind, self.serial, PEOPLE[0].number, self.memory.clock.local()))
        self._wake.set()

    def controls(self) -> list[dict[str, Any]]:
        people = [(each.pin, each.name) for each in self.memory.users.values()]
        acts: list[dict[str, Any]] = [{"name": name, "label": label} for name, label in ACTS.items()]
        sends = [{"name": f"send:{name}", "label": each, "group": "上传生物数据"} for name, each in BIOMETRICS.items()]
        return [*switches(SWITCHES, self.on), *acts, *buttons(people, self.memory.clock), *sends]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name in SWITCHES:
            self.on[name] = not self.on[name]
        elif name.startswith("punch:"):
            number, _, mode = name.removeprefix("punch:").rpartition(":")
            self.punch(number, mode)
        elif name.startswith("clock:"):
            self.memory.clock.off_s = float(name[6:])
        elif name.startswith("send:"):
            self.upload(name[5:])
        else:
            self._act(name)
        if not name.startswith("punch:"):
            self._wake.set()

    def _act(self, name: str) -> None:
        if name == "reboot":
            self.memory.shaken = False
            self.memory.uploads.append(("OPERLOG", (oplog(STARTED, self.memory.clock.local()) + "\n").encode()))
        elif name == "days":
            self.memory.remember(3)
        elif name == "replay":
            self.memory.again(self.memory.records[-7 * 4 * len(self.memory.users) :])
        elif name == "menu":
            self.memory.uploads.append(("OPERLOG", (oplog(OPENED_MENU, self.memory.clock.local()) + "\n").encode()))
        elif name == "users":
            lines = "".join(each.line() + "\n" for each in self.memory.users.values())
            self.memory.uploads.append(("OPERLOG", lines.encode("gbk", "replace")))
        else:
            self.registers = True

    def state(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "profile": self.profile,
            "connected": self.online,
            "clock": self.memory.clock.local().isoformat(),
            "clock_off_s": round(self.memory.clock.off_s, 3),
            "users": len(self.memory.users),
            "records": len(self.memory.records),
            "pending": len(self.memory.pending) + len(self.memory.uploads),
            "said": self.said,
            "words": self.words,
        }

    def picture(self) -> str:
        return draw(
            f"ZKTeco ADMS {self.serial}",
            self.memory.clock.local(),
            online=self.online,
            dead=False,
            person=self.greeted,
            words=self.words,
            trouble=self.trouble,
        )


SIMULATOR = Pusher
