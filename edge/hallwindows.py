"""Who is told what of the windows, and from when on; how soon a bad review is closed. Models of a hall file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

AlertKind = Literal["help", "dispute", "emergency", "hazard"]
Who = Annotated[str, Field(min_length=1, max_length=40)]
"""A role or a place in words, for the people at ops: 窗口负责人, 一楼保安室."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Alert(_Model):
    """Who is told when a window presses for help, and who besides when nobody acknowledges it in time."""

    to: Annotated[tuple[Who, ...], Field(min_length=1)]
    then: tuple[Who, ...] = ()
    within_s: Annotated[float, Field(ge=10, le=3600)] = 120.0
    """Seconds. The documents say 及时 and give none."""


class Alerts(_Model):
    """By kind. The receivers are those that the documents name; each hall puts its own."""

    help: Alert = Alert(to=("大厅值班人员",), then=("中心",))
    dispute: Alert = Alert(to=("窗口负责人",), then=("政务管理股",))
    """易门县 行业规范 “及时向窗口负责人或政务管理股反映” (WIN-21)"""
    emergency: Alert = Alert(to=("中心",), then=("中心负责人",), within_s=60.0)
    """福田区/通用 行为规范 “按规定及时报告中心等部门” (WIN-22)"""
    hazard: Alert = Alert(to=("保安",), then=("政策法规科",), within_s=60.0)
    """易门县 行业规范 “及时向保安或政策法规科报告” (WIN-24)"""
    kiosk: Alert = Alert(to=("导办台",), then=("大厅值班人员",))
    """A visitor at a kiosk who asks for somebody."""


Lasting = Annotated[float, Field(ge=0, le=3600)]


class Load(_Model):
    """When ops is told that a zone is crowded, or that a window is idle while people wait for it (QUE-08).

    The documents give no figures.
    """

    crowded: Annotated[int, Field(ge=1)] = 30
    """People waiting in one zone; the number itself counts."""
    eased: Annotated[int, Field(ge=0), Field(validate_default=True)] = 20
    """A crowded zone is so until there are no more than these: not told anew with each who comes and goes."""
    crowded_s: Lasting = 180.0
    """What ends sooner is not told."""
    idle_s: Lasting = 300.0

    @field_validator("eased")
    @classmethod
    def _is_below(cls, value: int, info: ValidationInfo) -> int:
        if value >= info.data.get("crowded", value + 1):
            raise ValueError("must be below crowded")
        return value


class Evaluation(_Model):
    rectify_working_days: Annotated[int, Field(ge=1, le=60)] = 15
    """Within so many after the day of a bad review (差评) it is closed. Places differ: 5, 7 calendar days, 15."""
