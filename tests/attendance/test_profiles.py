"""The profiles of the halls: what they hold, where each value stands, and what a profile may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.attendance.profile import DEFAULT
from edge.attendance.profilefile import load, load_all, origins
from edge.hallfile import HallFileError
from tests.attendance.days import HALLS, LOADED, profile

ROWS = Path(__file__).parents[1] / "requirements.txt"
CODES = sorted(LOADED)
YIMEN = (HALLS / "yimen.toml").read_text("utf-8")
COUNTY = (HALLS / "county_xx.toml").read_text("utf-8")
NANSHAN = (HALLS / "nanshan_jinan.toml").read_text("utf-8")
EARLY, ONE_SIDED = "early = { minutes = 5, inclusive = true }", "one_sided = { absent_days = 0.5 }"
req = pytest.mark.req

WRONG = [
    # (profile, what is meant, what is written, what the message must say)
    pytest.param(YIMEN, "modes =", "mode =", "unknown key", id="unknown-key"),
    pytest.param(YIMEN, '"08:30", end', '"8:30", end', "hours.shifts.1.start", id="time-without-its-zero"),
    pytest.param(YIMEN, "[leave]", "[leaf]", "unknown key", id="unknown-section"),
    pytest.param(YIMEN, "absent =", f"{EARLY}\nabsent =", "early needs departures", id="early"),
    pytest.param(YIMEN, "absent =", f"{ONE_SIDED}\nabsent =", "one_sided needs departures", id="one-sided"),
    pytest.param(YIMEN, ', unit = "calendar_day" } }', " } }", "unit", id="a-span-without-its-days"),
    pytest.param(YIMEN, '"hours.shifts" = "ATT-02"', "", "hours.shifts has no entry in [sources]", id="no-source"),
    pytest.param(
        YIMEN, "\n[sources]", '\n[sources]\n"attendance.late" = "ATT-02"', "not given", id="source-of-nothing"
    ),
    pytest.param(YIMEN, "\n[sources]", '\n[sources]\n"hall.code" = "ATT-02"', "is not given", id="source-of-a-name"),
    pytest.param(COUNTY, "absent.overstayed", "absent.overstaid", "is not given", id="source-of-a-slip"),
    pytest.param(COUNTY, 'unit = "working_day"', "", "must say which days", id="levels-without-their-days"),
    pytest.param(YIMEN, "shift = 1", "shift = 2", "there is no shift 2", id="no-such-shift"),
    pytest.param(YIMEN, "shift = 0", "shift = 1", "order of the day", id="a-punch-twice"),
    pytest.param(YIMEN, '"14:30", end', '"11:30", end', "follow each other", id="shifts-overlap"),
    pytest.param(
        YIMEN, '["face", "fingerprint"]', '["face"]\nfallback = []', "may not be the only way", id="only-the-face"
    ),
    pytest.param(COUNTY, "inclusive = true, absent_days = 1,", "absent_days = 1,", "inclusive", id="threshold-unsaid"),
    pytest.param(COUNTY, 'when = "off_post", minutes', 'when = "off_post", count', "goes by minutes", id="by-length"),
    pytest.param(COUNTY, "minutes = 120", "minutes = 120, count = 2", "goes by minutes", id="by-length-and-number"),
    pytest.param(COUNTY, "max_days = 3", "max_days = 2", "no level between 2 and 3 days", id="gap"),
    pytest.param(COUNTY, "max_days = 3", "max_days = 4", "levels overlap from 3 days on", id="overlap"),
    pytest.param(COUNTY, "min_days = 7, min_inclusive = false", "min_days = 7", "falls in two levels", id="on-the-dot"),
    pytest.param(COUNTY, "max_days = 7", "max_days = 7, max_inclusive = false", "falls in no level", id="between"),
    pytest.param(COUNTY, "min_days = 7,", "max_days = 30, min_days = 7,", "no level for more than 30", id="no-end"),
    pytest.param(COUNTY, "{ max_days = 1,", "{ min_days = 0.5, max_days = 1,", "no level for less", id="no-begin"),
    pytest.param(NANSHAN, 'gap_policy = "next_level_up"', "", "no level between 0.5 and 1 days", id="gap-unsettled"),
    pytest.param(NANSHAN, 'overlap_policy = "higher_level"', "", "exactly 3 days", id="overlap-unsettled"),
    pytest.param(NANSHAN, 'end = "13:20", ', "", "both of its times", id="half-a-noon"),
    pytest.param(NANSHAN, 'end = "13:20"', 'end = "11:20"', "must end after", id="noon-backwards"),
    pytest.param(NANSHAN, 'end = "13:20"', 'end = "12:00"', "must end after", id="noon-of-no-length"),
    pytest.param(YIMEN, 'end = "12:00"', 'end = "08:30"', "follow each other", id="shift-of-no-length"),
]


def written(folder: Path, text: str) -> Path:
    file = folder / "profile.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(("good", "meant", "wrong", "says"), WRONG)
def test_a_profile_that_cannot_be_meant_is_refused_by_line(
    tmp_path: Path, good: str, meant: str, wrong: str, says: str
) -> None:
    assert meant in good
    with pytest.raises(HallFileError) as error:
        load(written(tmp_path, good.replace(meant, wrong, 1)))
    problems = [each for each in error.value.problems if says in each.what]
    assert problems, str(error.value)
    assert problems[0].line is not None or "[leaf]" in wrong


@pytest.mark.parametrize("text", ["[hall", "\x00"])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(HallFileError, match="no TOML"):
        load(written(tmp_path, text))
    with pytest.raises(HallFileError, match="cannot be read"):
        load(tmp_path / "missing.toml")


def test_a_profile_lies_in_the_file_of_its_name(tmp_path: Path) -> None:
    written(tmp_path, YIMEN)
    with pytest.raises(HallFileError, match=r"its file is yimen\.toml"):
        load_all(tmp_path)


NOTICED = [
    pytest.param("yimen", "08:00, shift from 08:30: both are kept", marks=req("ATT-03"), id="yimen-deadline"),
    pytest.param("nanshan_jinan", "no level between 0.5 and 1 days; settled by gap_policy", id="nanshan-gap"),
    pytest.param("nanshan_jinan", "3 days falls in two levels; settled by overlap_policy", id="nanshan-overlap"),
    pytest.param("nanshan_jinan", "10 minutes, 13:20 to 13:30", id="nanshan-noon"),
    pytest.param("yuanzhou", "no level between 1 and 2 days; settled by gap_policy", id="yuanzhou-gap"),
    pytest.param("yuanzhou", "several rules ask for a substitute", id="yuanzhou-substitutes"),
    pytest.param("yuanzhou", "gives no hours", id="yuanzhou-hours"),
    pytest.param("county_xx", "settled by precedence = cumulative", id="county-one-sided"),
    pytest.param("guandu", "gives no punches", id="guandu-punches"),
]


@pytest.mark.parametrize(("hall", "says"), NOTICED)
def test_what_a_document_leaves_open_is_told(hall: str, says: str) -> None:
    assert [each for each in LOADED[hall].warnings if says in each.what]


def test_what_a_document_settles_is_not_told() -> None:
    warnings = {code: len(LOADED[code].warnings) for code in ("yimen", "county_xx", "xingguo")}
    assert warnings == {"yimen": 1, "county_xx": 1, "xingguo": 1}


def test_an_open_begin_of_the_noon_is_told_too(tmp_path: Path) -> None:
    late = load(written(tmp_path, NANSHAN.replace('start = "12:00", end = "13:20"', 'start = "12:10", end = "13:30"')))
    assert [each.what for each in late.warnings if "on duty" in each.what] == [
        "nobody is on duty for 10 minutes, 12:00 to 12:10"
    ]


@pytest.mark.parametrize("code", CODES)
def test_a_profile_is_its_file_and_every_source_is_a_known_row(code: str) -> None:
    known = {line.split("\t")[0] for line in ROWS.read_text("utf-8").splitlines() if "\t" in line}
    hall = profile(code)
    cited = {row for each in origins(hall) if each.clause.source != DEFAULT for row in _rows(each.clause.source)}
    assert (HALLS / f"{code}.toml").exists()
    assert cited <= known
    assert bool(cited) == (code != "futian")


def _rows(source: str) -> list[str]:
    return source.rpartition("(")[2].rstrip(")").split(", ")


@req("ATT-02", "ATT-09")
def test_the_origin_of_each_effective_value_can_be_shown() -> None:
    shown = {each.clause.key: (each.clause.source, each.value) for each in origins(profile("yuanzhou"))}
    assert shown["attendance.late"][0] == "原州区 九篇 篇1 (ATT-09)"
    assert shown["attendance.convert.2"][0] == "原州区 九篇 篇1 (ATT-11)"
    assert shown["hours.shifts"][0] == DEFAULT
    assert profile("yimen").clause("hours.shifts").source == "易门县 行业规范 (ATT-02)"
    assert profile("guandu").clause("leave.levels.1").source == DEFAULT


@pytest.mark.parametrize(
    ("hall", "modes"),
    [
        pytest.param("yimen", ("face", "fingerprint"), marks=req("ATT-04")),
        pytest.param("county_xx", ("fingerprint",), marks=req("ATT-06")),
        pytest.param("xingguo", ("fingerprint",), marks=req("ATT-20")),
        pytest.param("fuzhou_ss", ("face",), marks=req("ATT-21")),
    ],
)
def test_how_each_hall_takes_attendance_and_another_way_beside_it(hall: str, modes: tuple[str, ...]) -> None:
    attendance = profile(hall).attendance
    assert (attendance.modes, set(attendance.fallback)) == (modes, {"card", "manual"})


@pytest.mark.parametrize(
    ("hall", "every"),
    [
        pytest.param("nanshan_jinan", ("weekly",), marks=req("RPT-01")),
        pytest.param("county_xx", ("weekly", "monthly", "quarterly"), marks=req("RPT-02")),
        pytest.param("yuanzhou", ("monthly",), marks=req("RPT-03")),
        pytest.param("yimen", ("quarterly", "yearly"), marks=req("RPT-04")),
        pytest.param("xingguo", ("monthly",), marks=req("RPT-05")),
    ],
)
def test_how_often_each_hall_publishes(hall: str, every: tuple[str, ...]) -> None:
    assert profile(hall).publication.every == every


@req("ATT-23")
def test_who_publishes() -> None:
    by = {hall: profile(hall).publication.by for hall in ("yimen", "county_xx")}
    assert by == {"yimen": "admin_section", "county_xx": "hall"}


@req("ATT-26", "WIN-23")
def test_a_window_is_ready_ten_minutes_before_the_public_comes() -> None:
    hours = profile("county_xx").hours
    assert [f"{hours.ready_at(shift):%H:%M}" for shift in hours.shifts] == ["08:20", "14:20"]
