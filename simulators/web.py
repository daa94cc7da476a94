"""The page of the simulated hall: what each device shows, its keys, its faults, and the centre with its switch.

Meant for one person at this machine: it listens on a loopback address and refuses what other sites' pages ask for.
"""

from __future__ import annotations

from hashlib import blake2s
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from simulators.central import CentralServer
from simulators.hall import Caller, SimulatedDevice, SimulatedHall

STATIC = Path(__file__).parent / "static"


@runtime_checkable
class HasPixels(Protocol):
    """A simulator whose picture is made of dots: a printer, a panel of LEDs."""

    def png(self) -> bytes: ...


@runtime_checkable
class HasSound(Protocol):
    """A simulator that was heard: a loudspeaker."""

    def wav(self, n: int) -> bytes: ...


class FaultSwitches(BaseModel):
    """What to change; what is left out stays. `drop` and `garble` are shares of the device's answers."""

    model_config = ConfigDict(extra="forbid")
    drop: float | None = Field(None, ge=0, le=1)
    garble: float | None = Field(None, ge=0, le=1)
    trickle: bool | None = None
    hang: bool | None = None


def make_app(hall: SimulatedHall, central: CentralServer | None) -> FastAPI:
    app = FastAPI(title=hall.name, dependencies=[Depends(_own_page)], docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _device_routes(app, hall)
    _media_routes(app, hall)
    _central_routes(app, central)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    return app


def _device_routes(app: FastAPI, hall: SimulatedHall) -> None:
    def device(device_id: str) -> SimulatedDevice:
        return _find(hall, device_id)

    @app.get("/devices")
    async def devices() -> dict[str, Any]:
        return {"hall": hall.name, "devices": [_describe(each) for each in hall.devices.values()]}

    @app.post("/devices/{device_id}/control/{name}")
    async def control(device_id: str, name: str) -> dict[str, Any]:
        await _operate(device(device_id), name)
        return _describe(device(device_id))

    @app.post("/devices/{device_id}/faults")
    async def faults(device_id: str, wanted: FaultSwitches) -> dict[str, Any]:
        if isinstance(device(device_id).simulator, Caller):
            raise HTTPException(404, "这台设备自己呼入，没有这里的线路")
        for name, value in wanted.model_dump(exclude_none=True).items():
            setattr(device(device_id).faults, name, value)
        return _describe(device(device_id))


def _media_routes(app: FastAPI, hall: SimulatedHall) -> None:
    def device(device_id: str) -> SimulatedDevice:
        return _find(hall, device_id)

    @app.get("/devices/{device_id}/picture.svg")
    async def picture(device_id: str, request: Request) -> Response:
        svg = device(device_id).simulator.picture()
        headers = {"ETag": f'"{_version(svg)}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(svg, media_type="image/svg+xml", headers=headers)

    @app.get("/devices/{device_id}/picture.png")
    async def pixels(device_id: str) -> Response:
        simulator = device(device_id).simulator
        if not isinstance(simulator, HasPixels):
            raise HTTPException(404, "这台设备没有像素图")
        return Response(simulator.png(), media_type="image/png", headers={"Cache-Control": "no-cache"})

    @app.get("/devices/{device_id}/sound.wav")
    async def sound(device_id: str) -> Response:
        """What the loudspeaker said last."""
        simulator = device(device_id).simulator
        if not isinstance(simulator, HasSound) or not simulator.state()["heard"]:
            raise HTTPException(404, "这台设备还没有出声")
        return Response(simulator.wav(0), media_type="audio/wav", headers={"Cache-Control": "no-store"})


def _find(hall: SimulatedHall, device_id: str) -> SimulatedDevice:
    if device_id not in hall.devices:
        raise HTTPException(404, "没有这台设备")
    return hall.devices[device_id]


async def _operate(device: SimulatedDevice, name: str) -> None:
    if name not in [each["name"] for each in device.simulator.controls()]:
        raise HTTPException(404, "没有这个按键")
    done = device.simulator.control(name)
    if done is not None:
        await done


def _central_routes(app: FastAPI, central: CentralServer | None) -> None:
    def known() -> CentralServer:
        if central is None:
            raise HTTPException(404, "大厅文件没有写中心系统的地址")
        return central

    @app.get("/central")
    async def state() -> dict[str, Any]:
        return known().state()

    @app.post("/central/away")
    async def away() -> dict[str, Any]:
        await known().away()
        return known().state()

    @app.post("/central/back")
    async def back() -> dict[str, Any]:
        await known().back()
        return known().state()


def _own_page(request: Request) -> None:
    """A page of another site may send a POST here without our knowing; browsers say where it comes from."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and request.method != "GET":
        raise HTTPException(403, "请在模拟大厅自己的页面上操作")


def _describe(device: SimulatedDevice) -> dict[str, Any]:
    """`faults` of a wire that is served here: None for what calls the service itself."""
    faults = device.faults
    switches = {"drop": faults.drop, "garble": faults.garble, "trickle": faults.trickle, "hang": faults.hang}
    return {
        "id": device.id,
        "name": device.name,
        "driver": device.driver,
        "link": device.link,
        "state": device.simulator.state(),
        "version": _version(device.simulator.picture()),
        "controls": device.simulator.controls(),
        "faults": None if isinstance(device.simulator, Caller) else switches,
    }


def _version(svg: str) -> str:
    return blake2s(svg.encode(), digest_size=8).hexdigest()
