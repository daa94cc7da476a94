"""The text that an ADMS (iclock push) terminal sends and is sent: options, records, tables, commands.

Source: the vendor's PUSH manual 2.4.1 and notes of what real devices send. The fields of FP, FACE, USERPIC, BIOPHOTO,
BIODATA, IDCARD and ATTPHOTO beyond PIN, and their order, are from memory.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from simulators.terminal_people import biometric, photo

Profile = Literal["legacy", "push", "biodata"]
VERIFY = {"finger": 1, "card": 4, "face": 15}
FLAGS = (
    *("AttLog", "OpLog", "AttPhoto", "EnrollFP", "EnrollUser", "FPImag"),
    *("ChgUser", "ChgFP", "FACE", "UserPic", "WORKCODE", "BioPhoto"),
)
"""What the bits of a TransFlag stand for, from the left."""
EXTRA = {"legacy": "", "push": "\t0\t0", "biodata": "\t0\t0\t0\t0\t0"}
"""What each profile writes behind the first five fields."""
TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Record:
    number: int
    """From 1; what the Stamp of its upload says."""
    pin: str
    at: datetime
    status: int
    verify: int

    def line(self, profile: Profile) -> str:
        return f"{self.pin}\t{self.at:{TIME}}\t{self.status}\t{self.verify}\t0{EXTRA[profile]}"


@dataclass(slots=True)
class User:
    pin: str
    name: str
    card: str = ""
    privilege: str = "0"

    def line(self) -> str:
        return (
            f"USER PIN={self.pin}\tName={self.name}\tPri={self.privilege}\tPasswd=\tCard={self.card}"
            "\tGrp=1\tTZ=0000000000000000\tVerify=0\tViceCard="
        )


def oplog(code: int, at: datetime) -> str:
    return f"OPLOG {code}\t0\t{at:{TIME}}\t0\t0\t0\t0"


def options(text: str) -> dict[str, str] | None:
    """Of the answer to a handshake; None when it is none."""
    first, *lines = text.replace("\r\n", "\n").split("\n")
    if not first.startswith("GET OPTION FROM:"):
        return None
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def commands(text: str) -> list[tuple[str, str]]:
    """(id, command) of each line that is one."""
    return re.findall(r"^C:([0-9A-Za-z]{1,16}):([^\r\n]+)", text, re.MULTILINE)


def fields(text: str) -> dict[str, str]:
    """`key=value` by TAB."""
    pairs = (each.partition("=") for each in text.split("\t") if "=" in each)
    return {key.strip(): value for key, _, value in pairs}


def allowed(flags: str) -> set[str]:
    """The tables that a TransFlag asks for; all when there is none."""
    if not flags:
        return {*FLAGS}
    if flags.isdigit():
        return {name for name, bit in zip(FLAGS, flags, strict=False) if bit == "1"}
    return {each.strip() for each in flags.removeprefix("TransData").split("\t")}


def zone_minutes(value: str) -> int | None:
    """Of TimeZone: whole hours, or minutes when it cannot be hours. None for no zone on earth."""
    try:
        number = int(value)
    except ValueError:
        return None
    if abs(number) > 14 * 60:
        return None
    return number * 60 if abs(number) <= 14 else number


# ---- what must not be kept: canaries only

BIOMETRICS = {
    "fp": "指纹模板",
    "face": "人脸模板",
    "userpic": "用户照片",
    "biophoto": "比对照片",
    "biodata": "一体化模板",
    "idcard": "身份证",
    "photo": "打卡照片",
}
"""And what their buttons say."""


def biometrics(kind: str, serial: str, pin: str, at: datetime) -> tuple[str, bytes]:
    """(table, body) of an upload. Raises KeyError for what is not one of `BIOMETRICS`."""
    if kind == "photo":
        return "ATTPHOTO", _attphoto(serial, pin, at)
    template = biometric(f"{kind} of {pin}")
    size, text = len(b64encode(template)), b64encode(template).decode()
    lines = {
        "fp": f"FP PIN={pin}\tFID=0\tSize={size}\tValid=1\tTMP={text}",
        "face": f"FACE PIN={pin}\tFID=0\tSIZE={size}\tVALID=1\tTMP={text}",
        "userpic": f"USERPIC PIN={pin}\tFileName={pin}.jpg\tSize={size}\tContent={text}",
        "biophoto": f"BIOPHOTO PIN={pin}\tFileName={pin}.jpg\tType=9\tSize={size}\tContent={text}",
        "biodata": f"BIODATA Pin={pin}\tNo=0\tIndex=0\tValid=1\tDuress=0\tType=9\tMajorVer=5\tMinorVer=8\tFormat=0"
        f"\tTmp={text}",
        "idcard": f"IDCARD PIN={pin}\tSNNum=1\tIDNum=11019919000101000X\tName=无此人\tPhoto={text}",
    }
    table = {"biodata": "BIODATA", "idcard": "IDCARD"}.get(kind, "OPERLOG")
    return table, (lines[kind] + "\n").encode("gbk", "replace")


def _attphoto(serial: str, pin: str, at: datetime) -> bytes:
    picture = photo(f"photo of {pin}")
    head = f"PIN={at:%Y%m%d%H%M%S}-{pin}.jpg\nSN={serial}\nsize={len(picture)}\nCMD=uploadphoto"
    return head.encode() + b"\0" + picture


def capabilities(serial: str, profile: Profile) -> Mapping[str, str]:
    """What it says of itself."""
    return {
        "~DeviceName": "SIM-ATT",
        "FirmVer": "Ver 8.0.4 sim",
        "~SerialNumber": serial,
        "PushVersion": "Ver 2.4.1",
        "MultiBioDataSupport": "0:1:0:0:0:0:0:0:0:1:0" if profile == "biodata" else ":".join("0" * 11),
    }
