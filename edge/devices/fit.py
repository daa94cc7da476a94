"""Whether the devices of a hall file fit their places: what `hall-edge check` asks of the drivers."""

from __future__ import annotations

from typing import Any

from drivers.base import CardRead, Device, Evaluator, KeyPressed, Messenger, Misconfigured, Printer, TextScreen, Voice
from edge import hall as halls
from edge.devices.hub import driver_class

Loc = tuple[int | str, ...]
Finding = tuple[Loc, str]
NEEDS: dict[str, type] = {"sign": TextScreen, "evaluator": Evaluator}


def problems(hall: halls.Hall) -> list[Finding]:
    """(place in the file, what is wrong): unknown drivers, unknown or mistyped options, devices that cannot do it."""
    found: list[Finding] = []
    kinds: dict[str, type[Device]] = {}
    for nth, config in enumerate(hall.devices):
        try:
            kind = driver_class(config.driver)
        except Misconfigured as error:
            found.append((("device", nth, "driver"), str(error)))
            continue
        kinds[config.id] = kind
        found += [(("device", nth, "options"), what) for what in _wrong_options(kind, config.options)]
    return found + _unable(hall, kinds)


def _unable(hall: halls.Hall, kinds: dict[str, type[Device]]) -> list[Finding]:
    """Places whose device cannot do what they need it for."""
    wanted: list[tuple[Loc, halls.Place | None, type]] = []
    for nth, window in enumerate(hall.windows):
        wanted += [(("window", nth, key), getattr(window, key), needed) for key, needed in NEEDS.items()]
        wanted += [(("window", nth, "call_box"), place, KeyPressed) for place in window.call_boxes]
        wanted.append((("window", nth, "printer"), _at(window.printer), Printer))
    for nth, kiosk in enumerate(hall.kiosks):
        wanted.append((("kiosk", nth, "reader"), _at(kiosk.reader), CardRead))
        wanted += [(("kiosk", nth, key), _at(getattr(kiosk, key)), Printer) for key in ("printer", "fallback")]
    wanted.append((("sms", "device"), _at(hall.sms.device), Messenger))
    wanted += [(("zone", nth, "voice"), zone.voice, Voice) for nth, zone in enumerate(hall.zones)]
    found = []
    for loc, place, needed in wanted:
        why = _why_not(hall, kinds, place, needed)
        if place is not None and why is not None:
            found.append((loc, f"{place.device} cannot be the {loc[-1]} here: {why}"))
    return found


def _at(device: str | None) -> halls.Place | None:
    return None if device is None else halls.Place(device=device)


def _why_not(hall: halls.Hall, kinds: dict[str, type[Device]], place: halls.Place | None, needed: type) -> str | None:
    kind = kinds.get(place.device) if place is not None else None
    if kind is None or place is None:
        return None
    if not (needed in kind.TELLS or issubclass(kind, needed)):
        return f"a {kind.__name__} is no {needed.__name__}"
    try:
        return kind.lacks(hall.device[place.device].options, needed, place.address)
    except Misconfigured as error:
        return str(error)


def _wrong_options(kind: type[Device], options: dict[str, Any]) -> list[str]:
    wrong = []
    for name, value in options.items():
        wanted = kind.OPTIONS.get(name)
        if wanted is None:
            known = ", ".join(sorted(kind.OPTIONS)) or "none"
            wrong.append(f"unknown option {name!r}; known are {known}")
        elif not isinstance(value, (int, float) if wanted is float else wanted):
            wrong.append(f"option {name!r} must be {wanted.__name__}, not {type(value).__name__}")
    return wrong
