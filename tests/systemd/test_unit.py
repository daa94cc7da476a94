"""The unit as systemd itself judges it, and the traps that it must not fall into."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "hall-edge.service"
SCORE = 15
"""Tenths: 1.5 of 10, where 10 is wide open."""


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], check=False, capture_output=True, text=True)


def is_hardened(unit: Path) -> bool:
    return analyze("security", "--offline=true", f"--threshold={SCORE}", unit).returncode == 0


def complaints(text: str, folder: Path) -> str:
    """What `systemd-analyze verify` says of a unit whose program is replaced by one that every machine has.

    The service's own interpreter is not installed where the tests run, which verify would call an error.
    """
    unit = folder / UNIT.name
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M))
    done = analyze("verify", "--man=no", unit)
    assert done.returncode == 0 or done.stderr
    return done.stderr


def settings() -> dict[str, list[str]]:
    """The values of each key of the unit, in file order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), re.M):
        found.setdefault(key, []).append(value)
    return found


def test_the_unit_is_hardened() -> None:
    assert is_hardened(UNIT)


def test_the_unit_is_sound(tmp_path: Path) -> None:
    assert complaints(UNIT.read_text("utf-8"), tmp_path) == ""


def test_it_comes_back_whatever_happens() -> None:
    unit = settings()
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["Restart"] == ["always"]
    assert unit["RestartSec"] == ["2"]
    assert unit["Type"] == ["notify"]
    assert int(unit["WatchdogSec"][0]) >= 2


def test_nothing_of_a_visitor_is_dumped() -> None:
    assert settings()["LimitCORE"] == ["0"]


def test_it_does_not_wait_for_network_or_time() -> None:
    unit = settings()
    waited = " ".join(unit["After"] + unit["Wants"] + unit.get("Requires", []))
    assert "time-sync" not in waited
    assert "network-online" not in waited


def test_every_allowed_class_of_adapter_has_its_module_loaded() -> None:
    allowed = {value.split()[0] for value in settings()["DeviceAllow"]}
    assert {"char-ttyUSB", "char-ttyACM", "char-usb"} <= allowed
    lines = (FOLDER / "hall-edge.modules-load").read_text("utf-8").splitlines()
    modules = {line for line in lines if line and not line.startswith("#")}
    assert modules == {"usbserial", "ch341", "cp210x", "ftdi_sio", "cdc_acm", "usblp"}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_no_device_is_called_by_its_number_of_the_day(path: Path) -> None:
    assert not re.search(r"/dev/(ttyUSB|ttyACM|ttyS|usb/lp)\d", path.read_text("utf-8"))


def test_udev_gives_stable_names_that_the_service_may_open() -> None:
    rules = [
        line for line in (FOLDER / "99-hall-edge.rules").read_text("utf-8").splitlines() if line[:1] not in ("", "#")
    ]
    assert rules
    raw_usb = [rule for rule in rules if rule.startswith('SUBSYSTEM=="usb",')]
    for rule in raw_usb:  # opened by its numbers, not by a name
        assert re.search(r'ATTR\{idVendor\}=="\w{4}", ATTR\{idProduct\}=="\w{4}", GROUP="lp", MODE="0660"$', rule)
    for rule in [rule for rule in rules if rule not in raw_usb]:
        assert re.search(r'SYMLINK\+="hall/[a-z0-9-]+", GROUP="(dialout|lp)", MODE="0660", TAG\+="systemd"$', rule)
        assert re.search(r"ENV\{ID_SERIAL_SHORT\}==|ENV\{ID_PATH\}==|ATTRS\{serial\}==", rule)


def test_the_user_can_be_made() -> None:
    done = subprocess.run(
        ["systemd-sysusers", "--dry-run", FOLDER / "hall-edge.sysusers"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, "Failed" in done.stderr) == (0, False), done.stderr


# ---- the gate itself


def test_a_bare_unit_is_not_hardened(tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nType=notify\nUser=hall-edge\nExecStart=/bin/true\n")
    assert not is_hardened(bare)


def test_a_misspelt_key_is_complained_of(tmp_path: Path) -> None:
    assert "Unknown key" in complaints(UNIT.read_text("utf-8").replace("WatchdogSec=", "WatchDogSec="), tmp_path)
