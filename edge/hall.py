"""What a hall is: the frozen models of config/*.toml. `edge.hallfile` reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property, lru_cache
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from edge.calendar import Override
from edge.hallbooking import Bookable, Booking
from edge.hallday import HallDay, Hours, Timetable, finder
from edge.hallqueue import NamedService, Queue, check_services
from edge.hallscreens import Panel, Screen, Screens
from edge.halltexts import Signs, Sound, bare
from edge.hallwindows import Alerts, Evaluation, Load

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HallInfo(_Model):
    code: Id
    name: str
    name_en: str = ""
    timezone: str = "Asia/Shanghai"
    public_url: str | None = None
    """Where a visitor's phone reaches this service; the slip gets a QR code to the ticket's page when it is set."""
    supervision_phone: str = ""
    """监督电话, for the signs."""

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no such time zone: {value}") from error
        return value


class Access(_Model):
    demo: bool = False
    """Grants every role without sign-in, to this machine only: `run` and `demo` then listen on 127.0.0.1 alone."""


class Central(_Model):
    url: str | None = None
    """Where events are POSTed as CloudEvents; without it they wait in the journal."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        """The relay asks no more: a URL that is none would end it at the first event."""
        parts = urlsplit(value) if value is not None else None
        if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0):
            raise ValueError(f"{value!r} is no http:// or https:// address")
        return value


class Attendance(_Model):
    """Files beside the hall file."""

    profile: str | None = None
    """The hall's rules of attendance, such as `halls/yimen.toml`; the product's defaults without."""
    calendar: str | None = None
    """Days on which the hall differs from the national calendar: `[[day]]` with day, kind, name, shifts."""


class Demo(_Model):
    simulators: str | None = None
    """The page of the simulated devices, for the plain door."""


def _is_ipv4(value: str) -> str:
    return str(IPv4Address(value))


class Discovery(_Model):
    interfaces: tuple[Annotated[str, AfterValidator(_is_ipv4)], ...] = ()
    """IPv4 addresses of this machine on whose networks printers are looked for; without any, nowhere."""


class Place(_Model):
    """A device, or one address on a shared line."""

    device: Id
    address: Annotated[int, Field(ge=0, le=65535)] = 0


class Loudness(Hours):
    """A volume of its own for some hours of the day."""

    volume: Annotated[int, Field(ge=0, le=100)]


PriorityReason = Literal["military", "senior", "disabled", "green", "appointment", "urgent"]


class Priority(_Model):
    """Who is served before others, and how a visitor shows it."""

    senior_age: Annotated[int, Field(ge=50, le=120)] = 70
    """Years, by the birth date on the card."""
    declare: Literal["allow", "help_desk_only"] = "allow"
    """Who takes a visitor's word for it, without a card: the kiosk, or the help desk only."""
    offered: tuple[PriorityReason, ...] = ("military", "senior", "disabled")
    """What a visitor may declare."""
    strict: tuple[PriorityReason, ...] = ("military",)
    """Served before everybody else."""
    head_start: dict[PriorityReason, Annotated[float, Field(ge=0, le=240)]] = {
        "senior": 15.0,
        "disabled": 15.0,
        "appointment": 15.0,
    }
    """Minutes by which these count as having come earlier."""


class Overdue(_Model):
    """WHEN the first in this service's line has waited for more than so many minutes THEN this service."""

    service: Id
    minutes: Annotated[float, Field(gt=0, le=480)]


class Balance(_Model):
    """How a free window chooses between the lines it may serve. Inside a line the order never depends on this."""

    rule: Literal["backlog", "head_start", "order", "when"] = "backlog"
    """backlog: who waited longest, head starts counted, and the longer a line is for its open windows the sooner;
    head_start: the same without the lines' length; order: arrival alone, no reason counts; when: head_start, but an
    overdue line first. Who is called first by law stays first, except under `order`."""
    when: Annotated[tuple[Overdue, ...], Field(validate_default=True)] = ()
    """The first that holds counts."""

    @field_validator("when")
    @classmethod
    def _belongs_to_its_rule(cls, value: tuple[Overdue, ...], info: ValidationInfo) -> tuple[Overdue, ...]:
        if bool(value) != (info.data.get("rule") == "when"):
            raise ValueError('rule = "when" needs a list of these, and no other rule reads it')
        return value


MESSAGE_WORDS: dict[str, tuple[str, ...]] = {
    "issued": ("number", "service", "ahead", "wait", "low", "high"),
    "soon": ("number", "service", "ahead", "place"),
    "come": ("number", "service", "floor", "no", "name"),
}
"""What a text may name in {braces}: `wait` is in words, `low` and `high` minutes, `place` its windows' zones."""
LONGEST_MESSAGE = 80
"""Characters of a template beside its words, so that these have room in two parts."""


class Sms(_Model):
    """Text messages to visitors who asked for them with their ticket; each begins with the hall's name in 【】."""

    device: Id | None = None
    """The modem; without one nobody is offered messages."""
    ahead: tuple[Annotated[int, Field(ge=1, le=99)], ...] = (3,)
    """A message when no more than so many are still ahead; `[]` for none."""
    quiet: tuple[Hours, ...] = ()
    """No message in these hours, which may go over midnight."""
    daily_cap: Annotated[int, Field(ge=1)] = 2000
    """Messages a day, all visitors together."""
    per_phone: Annotated[int, Field(ge=1)] = 12
    """Messages a day to one number."""
    issued: str = "您的号码{number}，{service}，前面还有{ahead}人，{wait}。"
    soon: str = "您的号码{number}前面还有{ahead}人，请到{place}等候。"
    come: str = "请{number}号到{floor}{no}号{name}办理。"

    @field_validator("issued", "soon", "come")
    @classmethod
    def _can_be_sent(cls, value: str, info: ValidationInfo) -> str:
        length = len(bare(value, MESSAGE_WORDS[info.field_name or ""]))
        if length > LONGEST_MESSAGE:
            raise ValueError(f"{length} characters beside its words; a text message has room for {LONGEST_MESSAGE}")
        return value


class Zone(_Model):
    id: Id
    name: str
    floor: str = ""
    voice: Place | None = None
    """The loudspeaker of this zone; without one its hall screen still sounds."""
    volume: Annotated[int, Field(ge=0, le=100)] = 80
    hours: tuple[Loudness, ...] = ()
    screen: Panel = Screen()


class Unit(_Model):
    id: Id
    name: str
    name_en: str = ""


class Service(NamedService, Bookable):
    id: Id
    unit: Id
    name: str
    name_en: str = ""
    mean_minutes: Annotated[float, Field(gt=0, le=240)] = 8.0

    @property
    def line(self) -> str:
        """The service in whose line its tickets first stand."""
        return self.steps[0] if self.steps else self.id


def _several(value: object) -> object:
    return [value] if isinstance(value, dict | Place) else value


Level = Annotated[int, Field(ge=1, le=5)]


class EvaluatorPlace(Place):
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=5)] = (1, 2, 3, 4, 5)
    """Which level (5 = 非常满意) each of the device's grades 0, 1, 2, 3, 4 means; leave out those it does not have."""


class Window(_Model):
    no: Annotated[int, Field(ge=1, le=9999)]
    name: str
    zone: Id
    kind: Literal["ordinary", "comprehensive"] = "ordinary"
    skills: Annotated[tuple[Id, ...], Field(min_length=1)]
    """The one it is preferred for first."""
    green: bool = False
    """绿色窗口: for those who are served before others; it takes the rest while nobody of these waits for it."""
    unit: Id | None = None
    """The 进驻单位 on its sign; without one, that of its first skill."""
    phone: str = ""
    """咨询电话"""
    call_boxes: Annotated[tuple[Place, ...], Field(alias="call_box"), BeforeValidator(_several)] = ()
    """One, or a list of them, where two clerks share a window or a keypad lies beside the box."""
    evaluator: EvaluatorPlace | None = None
    sign: Place | None = None
    printer: Id | None = None
    """Where its notices come out."""


class Device(_Model):
    id: Id
    name: str
    driver: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    link: str
    options: dict[str, Any] = {}
    paper: str = "ticket"
    """The kind of paper in a printer: a slip is printed only on its own."""


class Staff(_Model):
    """A clerk, as the public may see them on a sign."""

    id: Id
    """工号"""
    name: str
    title: str = ""


class Kiosk(_Model):
    id: Id
    name: str
    zone: Id
    printer: Id | None = None
    fallback: Id | None = None
    """The printer that takes over while the first cannot print."""
    reader: Id | None = None
    """Its ID-card reader."""
    kind: Literal["kiosk", "desk"] = "kiosk"
    """desk: of the help desk, with no page of its own."""


class Hall(_Model):
    hall: HallInfo
    signs: Signs = Signs()
    sound: Sound = Sound()
    access: Access = Access()
    central: Central = Central()
    attendance: Attendance = Attendance()
    demo: Demo = Demo()
    discovery: Discovery = Discovery()
    priority: Priority = Priority()
    balance: Balance = Balance()
    queue: Queue = Queue()
    sms: Sms = Sms()
    alerts: Alerts = Alerts()
    load: Load = Load()
    evaluation: Evaluation = Evaluation()
    screens: Screens = Screens()
    timetable: Timetable = Timetable()
    booking: Booking = Booking()
    zones: Annotated[tuple[Zone, ...], Field(alias="zone", min_length=1)]
    units: Annotated[tuple[Unit, ...], Field(alias="unit", min_length=1)]
    services: Annotated[tuple[Service, ...], Field(alias="service", min_length=1)]
    windows: Annotated[tuple[Window, ...], Field(alias="window", min_length=1)]
    devices: Annotated[tuple[Device, ...], Field(alias="device")] = ()
    kiosks: Annotated[tuple[Kiosk, ...], Field(alias="kiosk")] = ()
    staff: tuple[Staff, ...] = ()

    @field_validator("balance")
    @classmethod
    def _says_what_it_gives_up(cls, value: Balance, info: ValidationInfo) -> Balance:
        priority = info.data.get("priority", Priority())
        if value.rule == "order" and (priority.strict or priority.head_start):
            raise ValueError('rule = "order" puts nobody first; [priority] must say so: strict = [], head_start = {}')
        return value

    @field_validator("services")
    @classmethod
    def _fit_together(cls, value: tuple[Service, ...], info: ValidationInfo) -> tuple[Service, ...]:
        check_services(value, info.data.get("queue", Queue()))
        return value

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.hall.timezone)

    @cached_property
    def find_day(self) -> Callable[[date, Override | None], HallDay]:
        """What a day is to the public, given what was entered at ops for it."""
        return finder(self.timetable, self.zone_info)

    @cached_property
    def service(self) -> dict[str, Service]:
        return {each.id: each for each in self.services}

    @cached_property
    def window(self) -> dict[int, Window]:
        return {each.no: each for each in self.windows}

    @cached_property
    def zone(self) -> dict[str, Zone]:
        return {each.id: each for each in self.zones}

    @cached_property
    def device(self) -> dict[str, Device]:
        return {each.id: each for each in self.devices}

    @cached_property
    def clerk(self) -> dict[str, Staff]:
        return {each.id: each for each in self.staff}

    @cached_property
    def unit(self) -> dict[str, Unit]:
        return {each.id: each for each in self.units}

    @cached_property
    def kiosk(self) -> dict[str, Kiosk]:
        return {each.id: each for each in self.kiosks}

    @cached_property
    def boxes(self) -> dict[tuple[str, int], Window]:
        """(device, address) -> the window whose call box it is."""
        return {(place.device, place.address): each for each in self.windows for place in each.call_boxes}

    @cached_property
    def drawn(self) -> frozenset[int]:
        """The windows that have a sign or a number display."""
        return frozenset(each.no for each in self.windows if each.sign is not None or each.call_boxes)

    def place(self, no: int) -> dict[str, Any]:
        """A window as a visitor is told of it."""
        return {"no": no, "name": self.window[no].name, "floor": self.zone[self.window[no].zone].floor}

    @cached_property
    def places(self) -> dict[str, list[dict[str, Any]]]:
        """Service id -> the windows that may serve it."""
        return {service: [self.place(no) for no in able] for service, able in self.able.items()}

    @cached_property
    def able(self) -> dict[str, tuple[int, ...]]:
        """Service id -> the windows that may serve it, in the order of the file."""
        return {each.id: tuple(w.no for w in self.windows if each.line in w.skills) for each in self.services}

    @cached_property
    def capacity(self) -> Callable[[tuple[int, ...]], dict[str, float]]:
        """Of the windows that are open: service -> how many whole windows it has, where each shares itself out."""

        @lru_cache(maxsize=256)  # the same windows stay open for many calls
        def capacity(opened: tuple[int, ...]) -> dict[str, float]:
            skills = [self.window[no].skills for no in opened if no in self.window]
            return {each.id: sum(1 / len(able) for able in skills if each.id in able) for each in self.services}

        return capacity

    @cached_property
    def handling_ms(self) -> float:
        """A visitor's mean time at a window, over all services."""
        return sum(each.mean_minutes for each in self.services) / len(self.services) * 60_000
