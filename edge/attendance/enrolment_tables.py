"""Rows of enrolment: who should be on which terminal, and whom a terminal knows. No template, ever."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

ENROLMENT = Table(
    "enrolment",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("person", Text, primary_key=True),  # 工号
    Column("wanted", Integer, nullable=False),  # 1: should be on the terminal, 0: must be taken off
    Column("state", Text, nullable=False),  # waiting sent failed gone
    Column("why", Text),  # it waits or has failed: a driver's reason, unreachable, not_filed
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("revision", Integer, nullable=False),  # of the roster: when the person was changed who is transferred
    Column("changed_at", Integer, nullable=False),
    Column("face", Integer, nullable=False, server_default="0"),  # 1: the terminal showed one
    Column("fingerprint", Integer, nullable=False, server_default="0"),
    Column("palm", Integer, nullable=False, server_default="0"),
    Column("card", Integer, nullable=False, server_default="0"),
    Column("password", Integer, nullable=False, server_default="0"),
    Column("seen_at", Integer),  # when it last showed this person
)

STRANGER = Table(
    "terminal_stranger",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("person", Text, primary_key=True),  # known there, and nobody whom the roster sends there
    Column("seen_at", Integer, nullable=False),
)
