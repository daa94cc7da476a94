"""A device tried out by a person: a test page, a text, a beep, a sentence. What a visitor sees is put back after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from drivers.base import Misconfigured, NumberDisplay, Printer, TextScreen, Voice
from edge.clock import Now, local
from edge.database import Session
from edge.devices.hub import driver_class
from edge.hall import Hall
from edge.journal import Event, append
from edge.notices.calls import volume
from edge.notices.outputs import Beep, Moment, Say, ShowText, State
from edge.queue import prints
from edge.refusal import Refused

Kind = Literal["page", "text", "beep", "say"]
SLIP = "device_test"
"""The form in config/slips."""
TEXT_S = 6.0
LATE_MS = 5_000
"""What the device could not do by then is not done later, when nobody looks any more."""


class Trial(NamedTuple):
    kind: Kind
    address: int
    word: str
    """What its button says."""


def tests(hall: Hall, device: str) -> list[Trial]:
    """What this device can be asked to do; none where it only listens. Raises Refused (404)."""
    if device not in hall.device:
        raise Refused("no_such_device", "没有这台设备", f"device {device!r}", 404)
    try:
        kind = driver_class(hall.device[device].driver)
    except Misconfigured:
        return []
    return sorted(set(_tests(hall, device, kind)))


def _tests(hall: Hall, device: str, kind: type) -> Iterator[Trial]:
    if issubclass(kind, Printer):
        yield Trial("page", 0, "打印测试页")
    for zone in hall.zones:
        if zone.voice is not None and zone.voice.device == device and issubclass(kind, Voice):
            yield Trial("say", zone.voice.address, f"{zone.name}试音")
    for window in hall.windows:
        if window.sign is not None and window.sign.device == device and issubclass(kind, TextScreen):
            yield Trial("text", window.sign.address, f"{window.no}号窗口屏试显")
        for box in window.call_boxes:
            if box.device == device and issubclass(kind, NumberDisplay):
                yield Trial("beep", box.address, f"{window.no}号叫号器响一声")


@dataclass(frozen=True, slots=True)
class Try:
    device: str
    kind: Kind
    address: int
    actor: str


def try_out(session: Session, hall: Hall, now: Now, command: Try) -> str:
    """The device's id. What goes out follows from the event. Raises Refused (404, 409)."""
    known = {(each.kind, each.address) for each in tests(hall, command.device)}
    if (command.kind, command.address) not in known:
        raise Refused("no_such_test", "这台设备没有这个测试", f"{command.kind} at {command.address}")
    if command.kind == "page":
        words = {"device": hall.device[command.device].name, "at": f"{local(now.at, hall.zone_info):%Y-%m-%d %H:%M}"}
        notice = prints.Notice(SLIP, {"hall": hall.hall.name, **words}, command.device, "", None, command.actor)
        prints.print_notice(session, hall, now, notice)
    key = f"device:{command.device}"
    told = {"device": command.device, "test": command.kind, "address": command.address}
    append(session, hall, now, "device.tested", key, command.actor, **told)
    return command.device


def outputs(hall: Hall, event: Event) -> list[State | Moment | Say]:
    """What goes out for `device.tested`; a printed page is a job of its own."""
    device, address, until = event.data["device"], event.data["address"], event.at + LATE_MS
    if event.data["test"] == "beep":
        return [Beep(device, address, until)]
    if event.data["test"] == "text":
        return [ShowText(device, address, f"测试 {local(event.at, hall.zone_info):%H:%M:%S}", TEXT_S)]
    if event.data["test"] == "say":
        zone = next((each for each in hall.zones if each.voice and each.voice.device == device), None)
        return [Say(device, address, until, "现在试音", volume(hall, zone, event.at) if zone else 80, 0.0)]
    return []
