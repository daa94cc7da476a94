"""A print job through the real libusb, to a printer that umockdev makes up: no root, no kernel module, no hardware."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = """
import asyncio
from drivers.base import DeviceError, Slip, Text
from drivers.escpos import Escpos
from drivers.link import open_link

async def main():
    async with Escpos(lambda: open_link("usb://0416:5011")) as printer:
        for _ in range(3):
            try:
                print(await printer.print(Slip((Text("办理 A042", size=2), Text("请带好身份证" * 400)))))
            except DeviceError as error:
                print(type(error).__name__, getattr(error, "reason", ""))
    try:
        await open_link("usb://0416:5012")
    except DeviceError as error:
        print(type(error).__name__)

asyncio.run(main())
"""


async def test_a_job_through_libusb() -> None:
    process = await asyncio.create_subprocess_exec(
        *("umockdev-wrapper", "/usr/bin/python3", str(Path(__file__).with_name("umockdev_printer.py"))),
        *(sys.executable, HOST),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    told = json.loads(out)
    assert told["host"] == ["printed", "Rejected", "paper_out", "Unreachable", "Unreachable"], complaints.decode()
    got = bytes.fromhex(told["got"])
    assert got.startswith(bytes.fromhex("10 04 01 10 04 02 10 04 03 10 04 04 1D 72 01 1B 40 1C 26"))
    assert bytes.fromhex("B0 EC C0 ED 20 41 30 34 32 0A") in got
    assert got.endswith(bytes.fromhex("1B 64 03 1D 56 42 00 1D 72 01"))
    assert told["driver"] == "", "usblp was not detached"
    assert told["claims"] == 0
