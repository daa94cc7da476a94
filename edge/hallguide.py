"""办事指南: what a visitor is told of a service once and for all (一次性告知). Models of a hall file."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Line = Annotated[str, Field(min_length=1, max_length=60)]
Lines = Annotated[tuple[Line, ...], Field(max_length=8)]
English = Annotated[str, Field(min_length=1, max_length=120)]
"""The same takes about twice the letters."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GuideInEnglish(_Model):
    """What is missing is shown in Chinese."""

    conditions: Annotated[tuple[English, ...], Field(max_length=8)] = ()
    materials: tuple[English, ...] = ()
    time_limit: Annotated[str, Field(max_length=120)] = ""
    fee: Annotated[str, Field(max_length=120)] = ""
    basis: Annotated[str, Field(max_length=120)] = ""


class Guide(_Model):
    """The materials are the service's own."""

    version: Annotated[str, Field(min_length=1, max_length=20)]
    published: date
    """By these two a visitor and an inspector see which text stood here when a policy changed."""
    conditions: Lines = ()
    time_limit: Annotated[str, Field(max_length=60)] = ""
    """办理时限: the legal one and the promised one."""
    fee: Annotated[str, Field(max_length=60)] = ""
    basis: Annotated[str, Field(max_length=60)] = ""
    en: GuideInEnglish = GuideInEnglish()
