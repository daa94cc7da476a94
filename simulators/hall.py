"""Reads a hall file and makes one simulator for each of its devices, to be served on exactly its link.

Source: the hall file's own format. A simulator is `simulators/<driver>.py` with `SIMULATOR`, a class that is made with
(device id, options); of what speaks UDP it is in `simulators/<driver>_udp.py`. Only links of this machine are served:
TCP and UDP on a loopback address, and serial lines inside the data folder; anything else may be a real device.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import tomllib
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from simulators.port import Faults, Wire
from simulators.roster import roster

PASSWORD = "demo"  # noqa: S105  nobody's secret
"""Of every simulated device that asks for one."""


class HallSimulator(Protocol):
    """A simulated device as the hall's page sees it."""

    def state(self) -> dict[str, Any]: ...

    def controls(self) -> list[dict[str, Any]]:
        """`name` and `label` (Chinese) each; switches also have `on`, and what belongs together the same `group`."""
        ...

    def control(self, name: str) -> Awaitable[None] | None: ...

    def picture(self) -> str:
        """A standalone SVG of what a person would see."""
        ...


class Wired(HallSimulator, Protocol):
    """Is served on its link."""

    async def talk(self, wire: Wire) -> None: ...


@runtime_checkable
class Caller(HallSimulator, Protocol):
    """Calls the service itself: what is `inbound:` in the hall file."""

    async def call(self, url: str) -> None:
        """Ends only by cancellation."""
        ...


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    id: str
    name: str
    driver: str
    link: str
    """Where it is served, or of a caller what it calls."""
    simulator: Wired | Caller
    faults: Faults = field(default_factory=Faults)
    secrets_file: Path | None = None
    """Where the service looks for its password, if that is in the data folder."""


@dataclass(frozen=True, slots=True)
class SimulatedHall:
    name: str
    devices: dict[str, SimulatedDevice]
    central_port: int | None
    page_port: int | None
    interfaces: list[str]
    """Of `[discovery] interfaces` those of this machine alone: nobody else could reach what makes itself known."""
    notices: list[str]
    """What could not be simulated, a line each."""
    port: int
    """Of the service."""
    people: list[dict[str, Any]]
    """The roster that the centre sends it."""


def read(path: Path, *, port: int, data: Path) -> SimulatedHall:
    """Raises `OSError` or `ValueError` when the file cannot be read or is no hall file."""
    hall = _fill(tomllib.loads(path.read_text("utf-8")), port, data.resolve())
    devices: dict[str, SimulatedDevice] = {}
    notices = []
    for table in hall.get("device", []):
        if missing := {"id", "driver", "link"} - table.keys():
            raise ValueError(f"a [[device]] has no {', '.join(sorted(missing))}")
        addresses = _addresses(hall, table["id"])
        made = _device(table, addresses, port, data.resolve())
        if isinstance(made, str):
            notices.append(made)
        else:
            devices[made.id] = made
    info = hall.get("hall", {})
    return SimulatedHall(
        name=str(info.get("name", info.get("code", path.stem))),
        devices=devices,
        central_port=_port_of(hall.get("central", {}).get("url")),
        page_port=_port_of(hall.get("demo", {}).get("simulators")),
        interfaces=[each for each in hall.get("discovery", {}).get("interfaces", []) if _is_loopback(each)],
        notices=notices,
        port=port,
        people=roster(hall),
    )


def fill(text: str, port: int, data: Path) -> str:
    """Replaces `{data}`, `{port}` and `{port+N}`; leaves every other brace alone."""
    text = text.replace("{data}", str(data))
    return re.sub(r"\{port(?:\+(\d+))?\}", lambda found: str(port + int(found[1] or 0)), text)


def _fill(value: Any, port: int, data: Path) -> Any:
    if isinstance(value, str):
        return fill(value, port, data)
    if isinstance(value, list):
        return [_fill(each, port, data) for each in value]
    if isinstance(value, dict):
        return {key: _fill(each, port, data) for key, each in value.items()}
    return value


def _addresses(hall: Mapping[str, Any], device_id: str) -> list[int]:
    """The addresses on this device's line that the windows name; 0 stands for a device that is alone on its line."""
    values = [value for window in hall.get("window", []) for value in window.values()]
    places = [
        each for value in values for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)
    ]
    found = {int(place.get("address", 0)) for place in places if place.get("device") == device_id}
    return sorted(found - {0})


def _device(table: Mapping[str, Any], addresses: list[int], port: int, data: Path) -> SimulatedDevice | str:
    """The device, or a notice why there is none. The option `addresses` tells a simulator who is on its line."""
    device_id, driver, link = str(table["id"]), str(table["driver"]), str(table["link"])
    if link == "inbound:":
        link = f"http://127.0.0.1:{port}" if driver == "adms" else f"ws://127.0.0.1:{port}/api/v1/pads/{device_id}"
    elif not is_local(link, data):
        return f"{device_id}: {link} is not simulated: it is not on this machine"
    scheme = urlsplit(link).scheme
    module = f"simulators.{driver}_udp" if scheme == "udp" else f"simulators.{driver}"
    known = driver.isidentifier() and importlib.util.find_spec(module)
    factory = getattr(importlib.import_module(module), "SIMULATOR", None) if known else None
    if factory is None:
        return f"{device_id}: there is no simulator for {driver!r} that speaks {scheme}"
    options = dict(table.get("options", {}))
    if addresses:
        options.setdefault("addresses", addresses)
    secrets_file = Path(str(options.get("secrets_file", "")))
    told = "secrets_file" in options and _is_inside(secrets_file, data)
    if told:
        options["password"] = PASSWORD
    made = SimulatedDevice(device_id, str(table.get("name", device_id)), driver, link, factory(device_id, options))
    return replace(made, secrets_file=secrets_file) if told else made


@contextlib.contextmanager
def told_password(place: Path) -> Iterator[None]:
    """The service finds `PASSWORD` there while entered: by a link, because it accepts no secrets inside the checkout,
    which is where the data folder of `make run` lies. Raises `FileExistsError` when somebody's own file is there.
    """
    with TemporaryDirectory(prefix="simulated-") as folder:
        file = Path(folder) / place.name
        file.touch(0o600)
        file.write_text(f'password = "{PASSWORD}"\n', "utf-8")
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():
            place.unlink()  # of a simulator that was killed
        place.symlink_to(file)
        try:
            yield
        finally:
            place.unlink(missing_ok=True)


def is_local(link: str, data: Path) -> bool:
    """Whether serving this link can disturb no real device: loopback TCP or UDP, or a serial line inside the data
    folder.
    """
    parts = urlsplit(link)
    if parts.scheme == "serial":
        return _is_inside(Path(parts.path), data)
    return parts.scheme in ("tcp", "udp") and parts.port is not None and _is_loopback(parts.hostname or "")


def _is_inside(path: Path, data: Path) -> bool:
    return path.parent.resolve().is_relative_to(data)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _port_of(url: str | None) -> int | None:
    """The port of a service that we may play: one on this machine."""
    parts = urlsplit(url or "")
    return parts.port if _is_loopback(parts.hostname or "") else None
