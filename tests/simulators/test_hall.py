"""The simulated hall: its file, its page, and the process."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from simulators.__main__ import beside, calling
from simulators.central import Central, CentralServer
from simulators.hall import Caller, SimulatedHall, fill, is_local, read, told_password
from simulators.hikvision import Terminal as Hikvision
from simulators.onbon import Onbon
from simulators.web import make_app
from simulators.zkteco_udp import UdpTerminal
from tests.wire import pair

ROOT = Path(__file__).parents[2]
HALL = """
[hall]
code = "test"
name = "测试大厅"
[demo]
simulators = "http://127.0.0.1:{port+1}"
[central]
url = "http://127.0.0.1:{port+2}/events"
[[window]]
no = 3
call_box = { device = "counter", address = 3 }
evaluator = { device = "counter", address = 3 }
sign = { device = "led-3" }
[[window]]
no = 4
call_box = { device = "counter", address = 7 }
[[device]]
id = "counter"
name = "柜台<总线>"
driver = "call_bus"
link = "serial://{data}/wire/counter?baud=9600"
[[device]]
id = "led-3"
driver = "onbon"
link = "tcp://127.0.0.1:{port+13}"
options = { generation = "5K", width = 64, height = 32 }
[[device]]
id = "smell"
driver = "smell"
link = "tcp://127.0.0.1:{port+14}"
[[device]]
id = "port"
driver = "port"
link = "tcp://127.0.0.1:{port+15}"
[[device]]
id = "real"
driver = "onbon"
link = "tcp://10.0.0.21:5005"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hall.toml"
    path.write_text(HALL, "utf-8")
    return path


@pytest.fixture
def hall(file: Path, tmp_path: Path) -> SimulatedHall:
    return read(file, port=9000, data=tmp_path / "data")


def test_links_are_those_of_the_file_with_data_and_ports_filled_in(hall: SimulatedHall, tmp_path: Path) -> None:
    assert {each.id: each.link for each in hall.devices.values()} == {
        "counter": f"serial://{tmp_path}/data/wire/counter?baud=9600",
        "led-3": "tcp://127.0.0.1:9013",
    }
    assert (hall.page_port, hall.central_port) == (9001, 9002)


def test_a_device_gets_its_options_and_a_line_the_addresses_that_windows_name(hall: SimulatedHall) -> None:
    led = hall.devices["led-3"].simulator
    assert isinstance(led, Onbon)
    assert (led.panel.width, led.panel.unit, list(led.cards)) == (64, 8, [1])
    names = [each["name"] for each in hall.devices["counter"].simulator.controls()]
    assert {"call:3", "call:7"} <= set(names)
    assert "call:4" not in names


def test_what_cannot_be_simulated_is_noticed_and_left_alone(hall: SimulatedHall) -> None:
    assert [notice.partition(":")[0] for notice in hall.notices] == ["smell", "port", "real"]


@pytest.mark.parametrize(
    ("link", "local"),
    [
        ("tcp://127.0.0.1:9100", True),
        ("tcp://localhost:9100", True),
        ("tcp://[::1]:9100", True),
        ("udp://127.0.0.1:4370", True),
        ("udp://10.0.0.31:4370", False),
        ("tcp://10.0.0.21:9100", False),
        ("tcp://printer:9100", False),
        ("serial:///data/wire/counter", True),
        ("serial:///dev/hall/counter?baud=9600", False),
        ("serial:///data/../dev/ttyUSB0", False),
        ("inbound:", False),
    ],
)
def test_only_links_that_can_be_no_real_device_are_served(link: str, local: bool) -> None:
    assert is_local(link, Path("/data")) is local


def test_only_data_and_port_are_filled() -> None:
    assert fill("{data} {port} {port+12} {number} {port+x}", 8080, Path("/d")) == "/d 8080 8092 {number} {port+x}"


@pytest.mark.parametrize("text", ["[[device]]\nid = 'x'", "no toml"])
def test_a_file_that_is_no_hall_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ValueError):
        read(tmp_path / "bad.toml", port=1, data=tmp_path)


# ---- terminals

TERMINALS = """
[[device]]
id = "door"
driver = "zkteco"
link = "udp://127.0.0.1:{port+16}"
[[device]]
id = "slips"
driver = "escpos"
link = "udp://127.0.0.1:{port+17}"
[[device]]
id = "face"
driver = "hikvision"
link = "tcp://127.0.0.1:{port+18}"
options = { url = "http://127.0.0.1:{port+18}", user = "u", secrets_file = "{data}/wire/face.toml" }
[[device]]
id = "far"
driver = "hikvision"
link = "tcp://127.0.0.1:{port+19}"
options = { secrets_file = "/etc/hall-edge/terminal.toml" }
[[device]]
id = "push"
driver = "adms"
link = "inbound:"
"""


@pytest.fixture
def terminals(tmp_path: Path) -> SimulatedHall:
    (tmp_path / "hall.toml").write_text(TERMINALS, "utf-8")
    return read(tmp_path / "hall.toml", port=9000, data=tmp_path / "data")


def test_what_speaks_udp_has_a_simulator_of_its_own_or_none(terminals: SimulatedHall) -> None:
    assert isinstance(terminals.devices["door"].simulator, UdpTerminal)
    assert terminals.notices == ["slips: there is no simulator for 'escpos' that speaks udp"]


def test_a_password_is_told_where_the_file_says_but_only_in_the_data_folder(
    terminals: SimulatedHall, tmp_path: Path
) -> None:
    place = tmp_path / "data" / "wire" / "face.toml"
    assert {each.id: each.secrets_file for each in terminals.devices.values() if each.secrets_file} == {"face": place}
    face = terminals.devices["face"].simulator
    assert isinstance(face, Hikvision)
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "left by one that was killed")
    with told_password(place):
        real = place.resolve()
        assert tomllib.loads(place.read_text())["password"] == face.guard._password
        assert (place.stat().st_mode & 0o777, real.is_relative_to(ROOT)) == (0o600, False)
    assert (place.is_symlink(), real.exists()) == (False, False)
    place.write_text("somebody's own")
    with pytest.raises(FileExistsError), told_password(place):
        pass
    assert place.read_text() == "somebody's own"


async def test_what_calls_has_no_line_to_be_faulty(terminals: SimulatedHall) -> None:
    transport = httpx.ASGITransport(make_app(terminals, None))
    async with httpx.AsyncClient(transport=transport, base_url="http://hall") as page:
        assert (await described(page, "push"))["faults"] is None
        assert (await described(page, "door"))["faults"]["hang"] is False
        assert (await page.post("/devices/push/faults", json={"hang": True})).status_code == 404


class Phone:
    """Calls once."""

    def __init__(self) -> None:
        self.called = ""

    async def call(self, url: str) -> None:
        self.called = url


async def test_what_calls_is_switched_on_when_the_service_is_there() -> None:
    """Else a terminal would be reported away for the first half minute of every demo."""
    phone = Phone()
    with socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{service.getsockname()[1]}"
        async with beside(calling(cast(Caller, phone), url)):
            await asyncio.sleep(0.05)
            assert phone.called == ""
            service.listen()
            async with asyncio.timeout(5):
                while not phone.called:  # noqa: ASYNC110  it tells nobody
                    await asyncio.sleep(0.01)
    assert phone.called == url


# ---- the page


@pytest.fixture
async def page(hall: SimulatedHall, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with CentralServer(0, Central(tmp_path / "received.jsonl")) as central:
        transport = httpx.ASGITransport(make_app(hall, central))
        async with httpx.AsyncClient(transport=transport, base_url="http://hall") as client:
            yield client


async def described(page: httpx.AsyncClient, device_id: str) -> dict[str, Any]:
    devices = (await page.get("/devices")).json()["devices"]
    found: dict[str, Any] = next(each for each in devices if each["id"] == device_id)
    return found


async def test_the_page_and_its_files_are_there_and_hold_no_text_of_the_hall(page: httpx.AsyncClient) -> None:
    answer = await page.get("/")
    assert answer.status_code == 200
    assert '<html lang="zh-CN">' in answer.text
    assert "柜台" not in answer.text
    for name in ("page.css", "page.js"):
        assert f"/static/{name}" in answer.text
        assert (await page.get(f"/static/{name}")).status_code == 200
    script = (await page.get("/static/page.js")).text
    assert "innerHTML" not in script


async def test_a_picture_is_sent_again_only_when_it_has_changed(page: httpx.AsyncClient) -> None:
    before = await described(page, "counter")
    picture = await page.get("/devices/counter/picture.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert picture.headers["etag"] == f'"{before["version"]}"'
    same = await page.get("/devices/counter/picture.svg", headers={"if-none-match": picture.headers["etag"]})
    assert same.status_code == 304
    pressed = await page.post("/devices/counter/control/call:3")
    assert pressed.json()["state"]["boxes"]["3"]["fault"] == "无应答"
    assert pressed.json()["version"] != before["version"]
    changed = await page.get("/devices/counter/picture.svg", headers={"if-none-match": picture.headers["etag"]})
    assert changed.status_code == 200
    assert "无应答" in changed.text


async def test_a_key_on_the_page_is_a_key_on_the_wire(page: httpx.AsyncClient, hall: SimulatedHall) -> None:
    link, wire = pair()
    counter = hall.devices["counter"].simulator
    assert not isinstance(counter, Caller)
    talk = asyncio.create_task(counter.talk(wire))
    await asyncio.sleep(0)
    pressing = asyncio.create_task(page.post("/devices/counter/control/call:3"))
    key = await link.read()
    assert key == bytes.fromhex("FF 68 03 03 68 03 00 0C 0F 16")
    await link.write(key)
    assert (await pressing).json()["state"]["boxes"]["3"]["fault"] == ""
    await link.close()
    await talk


async def test_faults_are_changed_one_by_one_within_their_bounds(page: httpx.AsyncClient, hall: SimulatedHall) -> None:
    await page.post("/devices/led-3/faults", json={"hang": True})
    await page.post("/devices/led-3/faults", json={"drop": 0.5})
    faults = hall.devices["led-3"].faults
    assert (faults.hang, faults.drop, faults.garble) == (True, 0.5, 0.0)
    assert (await described(page, "led-3"))["faults"]["drop"] == 0.5
    for wrong in ({"drop": 2}, {"random": 1}):
        assert (await page.post("/devices/led-3/faults", json=wrong)).status_code == 422


async def test_the_centre_goes_away_and_comes_back(page: httpx.AsyncClient) -> None:
    assert (await page.get("/central")).json()["online"] is True
    assert (await page.post("/central/away")).json()["online"] is False
    assert (await page.post("/central/back")).json()["online"] is True


@pytest.mark.parametrize(
    "path", ["/devices/nobody/control/x", "/devices/counter/control/call:4", "/devices/led-3/control/nothing"]
)
async def test_unknown_devices_and_keys_are_not_found(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.post(path)).status_code == 404


async def test_another_sites_page_cannot_press_keys(page: httpx.AsyncClient) -> None:
    answer = await page.post("/central/away", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert (await page.get("/central")).json()["online"] is True


# ---- the process


async def test_the_process_serves_the_file_says_so_and_ends_cleanly_on_sigterm(file: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "simulators", str(file), "--port", str(port), "--data", str(tmp_path / "data")]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        lines = [await process.stdout.readline() for _ in range(4)]
        assert lines[-1] == f"simulated hall ready: http://127.0.0.1:{port + 1}\n".encode()
        assert (tmp_path / "data" / "wire" / "counter").is_symlink()
        _, writer = await asyncio.open_connection("127.0.0.1", port + 13)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port + 1}/devices")).json()["hall"] == "测试大厅"
        process.send_signal(signal.SIGTERM)
        out, errors = await process.communicate()
        writer.close()
    assert (process.returncode, out, errors) == (0, b"", b"")
    assert not (tmp_path / "data" / "wire" / "counter").is_symlink()
