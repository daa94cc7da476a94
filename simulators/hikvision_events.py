"""Events of a Hikvision access terminal, as its stream and its search tell them, in JSON or XML.

Source: ISAPI's public examples and what integrators show of real terminals. One punch makes three events: who it was,
the lock opened, the lock closed; fields that an event has not are missing, not empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

EVENT = 5
NO_RIGHT, UNKNOWN_CARD, OPENED, CLOSED, NO_FINGER, FACE_FAILED = 6, 9, 21, 22, 49, 76
MINOR = {"face": 75, "finger": 38, "card": 1}
STRANGER = {"face": FACE_FAILED, "finger": NO_FINGER, "card": UNKNOWN_CARD}
VERIFY_MODE = "cardOrFaceOrFp"
NAMESPACE = "http://www.isapi.org/ver20/XMLSchema"


@dataclass(frozen=True, slots=True)
class Event:
    serial: int
    at: datetime
    """By the terminal's clock, with its zone."""
    minor: int
    number: str = ""
    name: str = ""
    card: str = ""
    status: str = ""
    """attendanceStatus; "" outside the attendance mode."""

    def details(self) -> dict[str, Any]:
        """What the search and the stream both tell."""
        found: dict[str, Any] = {"serialNo": self.serial, "doorNo": 1}
        if self.minor not in (OPENED, CLOSED):
            found |= {"cardReaderNo": 1, "currentVerifyMode": VERIFY_MODE, "mask": "no"}
        if self.number:
            found |= {"employeeNoString": self.number, "name": self.name, "userType": "normal"}
        if self.card:
            found |= {"cardNo": self.card, "cardType": 1}
        if self.status:
            found["attendanceStatus"] = self.status
        return found


def found(event: Event) -> dict[str, Any]:
    """An entry of the search's InfoList."""
    return {"major": EVENT, "minor": event.minor, "time": event.at.isoformat()} | event.details()


def alert(event: Event, *, current: bool, pictures: int) -> dict[str, Any]:
    inner = {
        "deviceName": "Access Controller",
        "majorEventType": EVENT,
        "subEventType": event.minor,
        **event.details(),
        "frontSerialNo": event.serial - 1,
        "currentEvent": current,
        "picturesNumber": pictures,
    }
    if event.minor in (*MINOR.values(), FACE_FAILED) and pictures:
        inner["FaceRect"] = {"height": 0.4, "width": 0.2, "x": 0.4, "y": 0.3}
    return _envelope(event.at, "AccessControllerEvent", "Access Controller Event") | {"AccessControllerEvent": inner}


def heartbeat(at: datetime, *, xml: bool) -> dict[str, Any]:
    """A camera's heartbeat is a videoloss that is over."""
    kind, words = ("videoloss", "videoloss alarm") if xml else ("heartBeat", "Heart Beat")
    return _envelope(at, kind, words) | {"eventState": "inactive" if xml else "active"}


def _envelope(at: datetime, kind: str, words: str) -> dict[str, Any]:
    return {
        "ipAddress": "127.0.0.1",
        "portNo": 80,
        "protocol": "HTTP",
        "macAddress": "00:00:5e:00:53:01",
        "channelID": 1,
        "dateTime": at.isoformat(),
        "activePostCount": 1,
        "eventType": kind,
        "eventState": "active",
        "eventDescription": words,
    }


# ---- on the wire


def part(boundary: str, told: Mapping[str, Any], *, xml: bool) -> bytes:
    if xml:
        return piece(boundary, "application/xml; charset=UTF-8", document("EventNotificationAlert", told))
    return piece(boundary, "application/json; charset=UTF-8", to_json(told))


def piece(boundary: str, kind: str, body: bytes) -> bytes:
    """A part of a multipart body, from its boundary to its last line end."""
    head = f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body + b"\r\n"


def to_json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent="\t").encode("utf-8", "replace")


def document(name: str, told: Mapping[str, Any]) -> bytes:
    """An XML document."""
    inner = "".join(_element(key, value) for key, value in told.items())
    head = '<?xml version="1.0" encoding="UTF-8"?>\r\n'
    return f'{head}<{name} version="2.0" xmlns="{NAMESPACE}">\r\n{inner}</{name}>\r\n'.encode("utf-8", "replace")


def _element(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<{key}>\r\n{''.join(_element(*each) for each in value.items())}</{key}>\r\n"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{key}>{escape(text)}</{key}>\r\n"
