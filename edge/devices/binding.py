"""A person gives a device another link than the hall file does, and takes it back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.clock import Now
from edge.database import Session
from edge.hall import Device, Hall
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements

LONGEST = 300
SERVICE = re.compile(r".+\._[a-z0-9-]+\._(tcp|udp)(\.local)?\.?", re.IGNORECASE)
SHAPES = "tcp://host:port, mdns://Name._service._tcp, serial:///dev/..., usb://, hid:// or sam://vendor:product"


def links(connection: Statements, hall: Hall) -> dict[str, str]:
    """Device id -> the link that it has now, by hand or by the hall file."""
    return {each.id: each.link for each in hall.devices} | by_hand(connection, hall)


def by_hand(connection: Statements, hall: Hall) -> dict[str, str]:
    """Device id -> its link, for those that a person bound."""
    rows = connection.exec_driver_sql("SELECT device, link FROM device_link ORDER BY device").all()
    return {row[0]: row[1] for row in rows if row[0] in hall.device}


@dataclass(frozen=True, slots=True)
class Bind:
    device: str
    link: str
    actor: str


def bind(session: Session, hall: Hall, now: Now, command: Bind) -> None:
    """The device has this link from now on. Raises Refused for a link that is none, or is another device's."""
    device = _device(hall, command.device)
    problem = wrong(command.link)
    if problem is not None:
        raise Refused("bad_link", "这个地址不对", problem, 422)
    _must_be_free(session, hall, device, command.link)
    changed = session.connection.exec_driver_sql(
        "INSERT INTO device_link (device, link, at, actor) VALUES (?, ?, ?, ?) ON CONFLICT (device)"
        " DO UPDATE SET link=excluded.link, at=excluded.at, actor=excluded.actor WHERE link<>excluded.link",
        (device.id, command.link, now.at, command.actor),
    )
    if changed.rowcount:
        data = {"device": device.id, "link": command.link}
        append(session, hall, now, "device.bound", f"device:{device.id}", command.actor, **data)


@dataclass(frozen=True, slots=True)
class Unbind:
    device: str
    actor: str


def unbind(session: Session, hall: Hall, now: Now, command: Unbind) -> None:
    """The device has the hall file's link again. Raises Refused when that is another device's by now."""
    device = _device(hall, command.device)
    _must_be_free(session, hall, device, device.link)
    gone = session.connection.exec_driver_sql("DELETE FROM device_link WHERE device=?", (device.id,))
    if gone.rowcount:
        append(session, hall, now, "device.unbound", f"device:{device.id}", command.actor, device=device.id)


def _device(hall: Hall, id_: str) -> Device:
    if id_ not in hall.device:
        raise Refused("no_such_device", "没有这台设备", f"device {id_!r}", 404)
    return hall.device[id_]


def _must_be_free(session: Session, hall: Hall, device: Device, wanted: str) -> None:
    for other, link in links(session.connection, hall).items():
        if other != device.id and link == wanted:
            raise Refused("link_taken", f"这个地址已经是{hall.device[other].name}的", f"{link} is {other}'s")


def wrong(link: str) -> str | None:
    """Why this cannot be a link for a device, None when it can. A password in it would stand in the journal."""
    try:
        parts = urlsplit(link)
        port = parts.port if parts.scheme == "tcp" else None
    except ValueError as error:
        return str(error)
    if len(link) > LONGEST or not link.isprintable() or " " in link:
        return f"a link has at most {LONGEST} characters, no spaces and no control characters"
    if parts.username is not None or parts.fragment:
        return "a link has no user, no password and no fragment"
    good = {
        "tcp": bool(parts.hostname and port and not parts.query and parts.path in ("", "/")),
        "mdns": SERVICE.fullmatch(parts.netloc) is not None and not parts.path,
        "serial": not parts.netloc and parts.path.startswith("/") and ".." not in parts.path,
        **dict.fromkeys(("usb", "hid", "sam"), bool(parts.netloc)),
    }
    return None if good.get(parts.scheme) else f"write {SHAPES}"
