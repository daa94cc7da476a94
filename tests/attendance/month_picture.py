"""The picture of the simulated month in README.md. `python -m tests.attendance.month_picture` draws it anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from edge.attendance.picture import month_svg
from edge.attendance.publishing import Snapshot
from tests.attendance.month import MONTH, UNITS
from tests.attendance.month_run import run

FILE = Path(__file__).parents[2] / "docs" / "attendance-month.svg"
TITLE = "示范区政务服务中心 考勤 2026年3月（按“XX县”的规定）"
NAMES = ("人力资源和社会保障局", "公安局", "自然资源和规划局", "税务局", "市场监督管理局", "民政局")
"""Of `UNITS`."""


def picture(snapshots: Iterable[Snapshot]) -> str:
    people = sorted(snapshots, key=lambda each: each.person.id)
    named = zip(UNITS, NAMES, strict=True)
    panels = [(name, [each.days for each in people if each.person.unit == unit]) for unit, name in named]
    return month_svg(TITLE, MONTH[0], MONTH[-1], panels)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = run(Path(folder))
        FILE.write_text(picture(made.snapshots.values()), "utf-8")
        made.database.close()


if __name__ == "__main__":
    main()
