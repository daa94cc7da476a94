"""What requests and forms of the bulletin may say."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge.bulletin import desk

Name = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"\S", description="the person's name", examples=["周主任"])
]
Zones = Annotated[tuple[str, ...], Field(max_length=100, description="ids of zones; all without")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(_Body):
    """One published result; of a person only the masked name is stored."""

    project: Annotated[str, Field(min_length=1, max_length=60, description="项目名称")]
    applicant: Annotated[str, Field(min_length=1, max_length=60, description="申请人")]
    number: Annotated[str, Field(max_length=40, description="申请编号")] = ""
    finished: Annotated[date, Field(description="办结时间")]
    result: Annotated[str, Field(min_length=1, max_length=40, description="办事结果", examples=["准予许可"])]
    organisation: Annotated[bool, Field(description="the applicant is a 单位: its name is shown")] = False

    def outcome(self) -> desk.Outcome:
        named = (self.project, self.applicant, self.number, self.finished.isoformat(), self.result)
        return desk.Outcome(*named, self.organisation)


class Content(_Body):
    title: Annotated[str, Field(min_length=1, max_length=40, pattern=r"\S")]
    text: Annotated[str, Field(max_length=1000, description="of commitments a line each")] = ""
    results: Annotated[tuple[Result, ...], Field(max_length=200)] = ()
    zones: Zones = ()
    first: Annotated[date, Field(description="the first day on the screens")]
    last: Annotated[date | None, Field(description="the last one; until it is withdrawn without")] = None
    by: Name

    def enter(self, kind: desk.Kind, actor: str, entry: str | None = None) -> desk.Enter:
        outcomes = tuple(each.outcome() for each in self.results)
        return desk.Enter(
            *(kind, self.title, self.text, outcomes, self.zones, self.first, self.last, self.by, actor, entry)
        )


class Entry(Content):
    kind: Annotated[desk.Kind, Field(description="公告 · 办事结果 · 服务承诺")]


class Approval(_Body):
    version: Annotated[int, Field(ge=1, description="the one that was read")]
    by: Name


class Signed(_Body):
    by: Name


class Place(_Body):
    earlier: Annotated[bool, Field(description="one place earlier in the playlist; else one later")]


class Emergency(_Body):
    text: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
    zones: Zones = ()
    by: Name
