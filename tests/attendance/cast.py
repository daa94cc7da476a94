"""Twelve people whose March is written by hand. What each day must come to stands in test_month.py, by hand too."""

from __future__ import annotations

from datetime import date

from tests.attendance.month import CERTIFIED, LONG, Month, at, draw, ends

CAST = ("1001", "1003", "1010", "2005", "2014", "3008", "3015", "4006", "4012", "5004", "5011", "6002")
STAND_INS = ("4013", "5005", "5012")
"""Who stand in for them; their own month is punctual."""
BOTH = ("stationed_unit", "hall")
APPROVED = {"4012": BOTH, "5004": ("stationed_unit", "county_office"), "5011": BOTH}


def day(n: int) -> date:
    return date(2026, 3, n)


def simulated() -> Month:
    month = Month()
    for play in (_borders, _trains, _forgetful, _off_post, _no_formality, _late_stand_in, _overstayed, _sick, _chief):
        play(month)
    _long_day(month)
    draw(month, {*CAST, *STAND_INS})
    return month


def _borders(month: Month) -> None:
    """1003: on the dot is in time, at each of the four; and once touched twice."""
    for nth, due in enumerate(ends(day(2))):
        month.days["1003", day(2)].touches[nth] = due
    month.days["1003", day(6)].again.append((0, at(day(6), "08:29:50")))


def _trains(month: Month) -> None:
    """1010: three trains, one of them certified, and a second too early. 2005: two trains, a second, twenty minutes."""
    month.off_time("1010", day(4), 0, 46, 20)
    month.off_time("1010", CERTIFIED, 0, 33, 10)
    month.excuse("1010", CERTIFIED, "late", "列车晚点，有铁路部门证明")
    month.off_time("1010", day(24), 0, 11, 40)
    month.off_time("1010", day(31), 3, 0, 1)
    month.off_time("2005", day(4), 0, 70)
    month.off_time("2005", day(9), 2, 0, 1)
    month.off_time("2005", day(24), 0, 10)
    month.off_time("2005", day(27), 1, 20)


def _forgetful(month: Month) -> None:
    """2014: three forgotten, and the wrong key. 3008: six forgotten, and a morning seen at the roll-call only."""
    month.forget("2014", day(3), 1)
    month.forget("2014", day(10), 0)
    month.forget("2014", day(17), 3)
    month.days["2014", day(26)].touches[3] = at(day(26), "18:04:15")
    month.press_wrong_key("2014", day(26), 3)
    for n, nth in ((4, 0), (6, 3), (11, 1), (13, 2), (23, 0), (30, 3)):
        month.forget("3008", day(n), nth)
    month.vanish("3008", day(18), "morning")
    month.enter("roll_call", "3008", at(day(18), "10:05"), at(day(18), "10:05"), present=True)
    month.found["3008", day(18)] += ["missing_punch", "missing_punch"]


def _off_post(month: Month) -> None:
    """3015: two hours exactly; two reports that overlap; one across the noon break."""
    month.find_away("3015", at(day(5), "10:00"), at(day(5), "12:00"), 120)
    month.find_away("3015", at(day(11), "09:30"), at(day(11), "11:10"), 135)
    month.enter("off_post", "3015", at(day(11), "11:00"), at(day(11), "11:45"), found_by="empty_window")
    month.find_away("3015", at(day(19), "11:00"), at(day(19), "15:00"), 90)


def _no_formality(month: Month) -> None:
    """4006: a day, told to a colleague only; an afternoon; and a day that was refused."""
    for half in ("morning", "afternoon"):
        month.stay_away("4006", day(16), half)
        month.stay_away("4006", day(30), half, "ATT-15")
    month.enter("outing", "4006", at(day(16), "08:30"), at(day(16), "18:00"), told_at=at(day(16), "08:00"))
    month.stay_away("4006", day(27), "afternoon")
    month.leave("4006", "personal", at(day(30), "08:30"), at(day(30), "18:00"), (), refused=True)


def _late_stand_in(month: Month) -> None:
    """4012: two days of leave, gone before 4013 was there at 14:20."""
    stand_in = {"person": "4013", "filed_at": at(day(19), "10:00"), "on_post_at": at(day(23), "14:20")}
    month.leave("4012", "personal", at(day(23), "08:30"), at(day(24), "18:00"), BOTH, substitute=stand_in)
    month.vanish("4012", day(23))
    month.vanish("4012", day(24))
    month.found["4012", day(23)] += ["absent 0.5 LEAVE-30", "on_leave"]
    month.found["4012", day(24)] += ["on_leave"]
    month.stand("4013", "substitute", at(day(23), "14:20"), at(day(24), "18:00"))


def _overstayed(month: Month) -> None:
    """5004: a week of annual leave, back on the Tuesday after the worked Saturday."""
    week = [day(n) for n in range(9, 14)]
    told = {"substitute": {"person": "5005"}, "returned_at": at(day(17), "14:20:30")}
    month.absent_on_leave("5004", "annual", week, APPROVED["5004"], **told)
    for n, halves in ((14, ("morning", "afternoon")), (16, ("morning", "afternoon")), (17, ("morning",))):
        for half in halves:
            month.stay_away("5004", day(n), half, "ATT-16")
    month.days["5004", day(17)].touches[2] = at(day(17), "14:20:30")


def _sick(month: Month) -> None:
    """5011: two days of sick leave without the diagnosis, then a half day and a day of personal leave."""
    stand_in = {"person": "5012"}
    month.absent_on_leave("5011", "sick", [day(5), day(6)], BOTH, substitute=stand_in)
    month.leave("5011", "personal", at(day(18), "14:30"), at(day(18), "18:00"), ("hall",))
    month.vanish("5011", day(18), "afternoon")
    month.found["5011", day(18)].append("on_leave")
    month.absent_on_leave("5011", "personal", [day(26)], ("hall",), substitute=stand_in)


def _chief(month: Month) -> None:
    """1001, chief representative: a day of leave without a substitute; called back by the unit, which had filed it."""
    month.leave("1001", "personal", at(day(10), "08:30"), at(day(10), "18:00"), ("hall",))
    for half in ("morning", "afternoon"):
        month.stay_away("1001", day(10), half, "LEAVE-30")
    filed = {"told_at": at(day(17), "16:00"), "recalled": True, "reported_by": "unit"}
    month.enter("outing", "1001", at(day(18), "09:00"), at(day(18), "11:00"), **filed)
    month.enter("off_post", "1001", at(day(18), "09:10"), at(day(18), "10:50"), found_by="patrol")
    month.found["1001", day(18)].append("on_leave")


def _long_day(month: Month) -> None:
    """6002: overtime with the last touch forgotten; left at 18:04 on the long day; sick leave that was none."""
    del month.days["6002", day(11)].touches[3]
    month.enter("duty", "6002", at(day(11), "18:00"), at(day(11), "20:30"), duty="overtime")
    month.found["6002", day(11)].append("on_duty")
    month.days["6002", LONG].touches[3] = at(LONG, "18:04:10")
    month.found["6002", LONG].append("early 86")
    told = {"papers": ["slip", "unit_seal", "diagnosis"], "deceived": True}
    month.leave("6002", "sick", at(day(30), "08:30"), at(day(31), "18:00"), BOTH, **told)
    for n in (30, 31):
        for half in ("morning", "afternoon"):
            month.stay_away("6002", day(n), half, "ATT-17")
