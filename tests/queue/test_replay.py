"""The replay keeps the rules of its day, and agrees with what queueing theory says of simple halls."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.__main__ import main
from edge.queue import generate, scenario
from edge.queue.metrics import measure, visits
from edge.queue.policies import POLICIES, Policy
from edge.queue.replay import Call, replay
from edge.queue.scenario import COMES_BACK, NEVER_SHOWS, Class, Scenario, Service, Ticket, Window

DAYS = Path(__file__).parents[1] / "days"
KINDS = ("normal", "rush", "shortage")
GIVEN = {kind: generate.intensities(scenario.days(DAYS / kind)) for kind in KINDS}
FRESH = st.builds(lambda kind, seed: generate.fresh(GIVEN[kind], seed), st.sampled_from(KINDS), st.integers(0, 10**6))
MILITARY, SENIOR = Class("M", "军人", 7200, 4), Class("E", "老年人", 1200, 2)


def ticket(id_: str, arrive_s: float, **more: Any) -> Ticket:
    return Ticket(id_, arrive_s, "S", "N", None, 100.0, 0.0, 0, 0.0, None, ())._replace(**more)


def window(id_: str = "W", **more: Any) -> Window:
    return Window(id_, ("S",), 1.0, ((0.0, 1e6),), True)._replace(**more)


def hall(tickets: list[Ticket], *windows: Window, services: str = "S") -> Scenario:
    known = tuple(Service(each, each, 1.0, 100.0, 1.0) for each in services)
    return Scenario("small", 1, 30.0, 0.0, known, (MILITARY, SENIOR), windows or (window(),), tuple(tickets))


def called(day: Scenario, policy: str = "backlog") -> list[tuple[str, float]]:
    return [(each.id, each.called_s) for each in replay(day, POLICIES[policy])]


# ---- what always holds


def faults(day: Scenario, policy: Policy) -> list[str]:
    """What a trace shows of a broken rule."""
    trace = replay(day, policy)
    windows, tickets = {each.id: each for each in day.windows}, {each.id: each for each in day.tickets}
    found, free = [], dict.fromkeys(windows, 0.0)
    for call in trace:
        it, of = windows[call.window], tickets[call.id]
        service = of.service if call.visit == 0 else of.next[call.visit - 1][0]
        on = any(start <= call.called_s <= end for start, end in it.on)
        late = it.drain and call.called_s > it.on[-1][1]
        found += [f"{call} while it serves another"] * (call.called_s < free[call.window])
        found += [f"{call} of a window that is away"] * (not (on or late))
        found += [f"{call} for a service it does not know"] * (policy.lines != "hall" and service not in it.skills)
        found += [f"{call} before it came"] * (call.visit == 0 and call.called_s < of.arrive_s)
        free[call.window] = call.end_s
    times = [call.called_s for call in trace]
    found += ["calls are not in the order of time"] * (times != sorted(times))
    seen = [(call.id, call.visit, call.attempt) for call in trace]
    return found + ["someone was called twice"] * (len(seen) != len(set(seen)))


@settings(max_examples=12, deadline=None)
@given(FRESH, st.sampled_from(sorted(POLICIES)))
def test_a_trace_breaks_no_rule_and_leaves_nobody(day: Scenario, name: str) -> None:
    assert faults(day, POLICIES[name]) == []
    assert measure(day, replay(day, POLICIES[name])).unserved == 0


@pytest.mark.req("QUE-05", "QUE-28")
@settings(max_examples=12, deadline=None)
@given(FRESH, st.sampled_from(["backlog", "head_start", "strict", "order"]))
def test_alike_visitors_are_called_in_the_order_of_their_clocks(day: Scenario, name: str) -> None:
    lines: dict[tuple[str, str, bool], list[tuple[float, float]]] = defaultdict(list)
    for start, it, call in visits(day, replay(day, POLICIES[name])):
        if call.visit == 0:
            lines[it.service, it.cls, it.slot_s is not None].append((start, call.called_s))
    for (_, _, booked), line in lines.items():
        # A booking gives no place before it is checked in.
        assert booked or [each for _, each in sorted(line)] == sorted(each for _, each in line)


@settings(max_examples=6, deadline=None)
@given(FRESH, st.randoms())
def test_what_a_rule_may_not_see_does_not_change_its_choices(day: Scenario, random: Random) -> None:
    """Whoever has not been called yet may have any work: the calls until the first such end are the same."""
    changed = replace(day, tickets=tuple(each._replace(work_s=each.work_s + random.random()) for each in day.tickets))
    one, other = replay(day), replay(changed)
    until = min(call.end_s for call in one)
    assert [each[:5] for each in one if each.called_s < until] == [each[:5] for each in other if each.called_s < until]


def test_the_same_seed_is_the_same_day_and_the_same_trace() -> None:
    one, other = (generate.fresh(GIVEN["rush"], 5) for _ in range(2))
    assert one == other
    assert replay(one) == replay(other)
    assert generate.fresh(GIVEN["rush"], 6).tickets != one.tickets


# ---- one visitor after the other


def test_who_never_shows_blocks_the_window_and_is_gone() -> None:
    day = hall([ticket("a", 0, kind=NEVER_SHOWS), ticket("b", 1)])
    assert called(day) == [("a", 0), ("b", 30)]
    assert measure(day, replay(day)).waits == [pytest.approx(29 / 60)]


def test_who_comes_back_takes_the_old_place() -> None:
    day = hall([ticket("a", 0, kind=COMES_BACK, back_s=150), ticket("b", 1), ticket("c", 2), ticket("d", 3)])
    assert called(day) == [("a", 0), ("b", 30), ("c", 130), ("a", 230), ("d", 330)]


def test_a_follow_up_is_a_visit_of_its_own() -> None:
    day = hall([ticket("a", 0, next=(("S", 50.0),)), ticket("b", 1)])
    trace = replay(day)
    assert [(each.id, each.visit, each.called_s, each.end_s) for each in trace] == [
        ("a", 0, 0, 100),
        ("b", 0, 100, 200),
        ("a", 1, 200, 250),
    ]
    assert measure(day, trace).mean_min == pytest.approx((0 + 99 + 100) / 3 / 60)


def test_who_loses_patience_leaves() -> None:
    day = hall([ticket("a", 0), ticket("b", 1, patience_s=50.0), ticket("c", 2), ticket("d", 3, patience_s=500.0)])
    assert called(day) == [("a", 0), ("c", 100), ("d", 200)]


def test_a_booking_counts_from_its_time_and_a_soldier_before_all() -> None:
    came = [ticket("a", 0), ticket("b", 1, slot_s=400.0), ticket("c", 2), ticket("d", 3, cls="M"), ticket("e", 90)]
    assert [each for each, _ in called(hall(came))] == ["a", "d", "c", "e", "b"]
    assert [each for each, _ in called(hall(came), "order")] == ["a", "c", "d", "e", "b"]


def test_a_window_works_to_the_end_of_a_ticket_and_drains_only_at_the_end() -> None:
    shift = ((0.0, 150.0), (1000.0, 1050.0))
    came = [ticket(each, nth) for nth, each in enumerate("abcd")]
    assert called(hall(came, window(on=shift))) == [("a", 0), ("b", 100), ("c", 1000), ("d", 1100)]
    assert called(hall(came, window(on=shift, drain=False))) == [("a", 0), ("b", 100), ("c", 1000)]


def test_an_arrival_leaves_the_comprehensive_window_free() -> None:
    windows = (window("all", skills=("S", "T")), window("one"))
    assert replay(hall([ticket("a", 0)], *windows, services="ST"))[0].window == "one"


# ---- theory


def erlang_c(servers: int, load: float) -> float:
    """Probability that an arrival waits in M/M/c."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**n / math.factorial(n) for n in range(servers)) + last)


def markov(servers: int, load: float, number: int, seed: int) -> Scenario:
    """M/M/c in which a service takes 100 seconds."""
    random, at, came = Random(seed), 0.0, []
    for nth in range(number):
        at += random.expovariate(load / 100)
        came.append(ticket(str(nth), at, work_s=random.expovariate(1 / 100)))
    return hall(came, *(window(f"W{nth}", on=((0.0, 1e9),)) for nth in range(servers)))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (2, 1.2), (4, 2.4)])
def test_a_plain_hall_waits_as_erlang_c_says(servers: int, load: float) -> None:
    day = markov(servers, load, 30_000, 11)
    expected = erlang_c(servers, load) * 100 / (servers - load) / 60
    assert measure(day, replay(day)).mean_min == pytest.approx(expected, rel=0.08)


def test_one_line_of_equal_windows_waits_as_lindley_and_kiefer_say() -> None:
    """Exactly: the next in order takes the window that is free first."""
    day = markov(3, 2.7, 2_000, 3)
    free, waits = [0.0] * 3, []
    for each in day.tickets:
        start = max(each.arrive_s, min(free))
        free[free.index(min(free))] = start + each.work_s
        waits.append(start - each.arrive_s)
    calls = {call.id: call.called_s for call in replay(day)}
    assert [calls[each.id] - each.arrive_s for each in day.tickets] == pytest.approx(waits, abs=1e-6)


# ---- files and the command


def test_a_day_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(scenario.ScenarioError, match=r"no scenario\.json"):
        scenario.days(tmp_path)
    (tmp_path / "scenario.json").write_text(json.dumps({"format": "other/2"}))
    with pytest.raises(scenario.ScenarioError, match="other/2"):
        scenario.load(tmp_path)
    (tmp_path / "scenario.json").write_text(json.dumps({"format": scenario.FORMAT}))
    with pytest.raises(scenario.ScenarioError, match="name"):
        scenario.load(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "wrong"),
    [
        ("tickets.csv", r"\n\d.*", "", "nobody comes"),
        ("tickets.csv", r",S3,N,", ",S9,N,", "no window serves S9"),
        ("tickets.csv", r",S1:196\.7", ",S8:1", "no window serves S8"),
        ("tickets.csv", r"31664\.2", "late", "late"),
        ("scenario.json", r'"on": \[\s*\[(.|\n)*?\]\s*\]', '"on": []', "W01"),
    ],
)
def test_a_day_that_cannot_be_replayed_says_why(tmp_path: Path, file: str, old: str, new: str, wrong: str) -> None:
    for name in ("scenario.json", "tickets.csv"):
        text = (DAYS / "normal" / "01" / name).read_text("utf-8")
        changed = re.sub(old, new, text) if name == file else text
        assert name != file or changed != text
        (tmp_path / name).write_text(changed, "utf-8")
    done = CliRunner().invoke(main, ["simulate", str(tmp_path)])
    assert done.exit_code == 1
    assert wrong in done.output


def test_the_command_writes_the_trace_the_picture_and_the_figures(tmp_path: Path) -> None:
    trace, picture = tmp_path / "trace.csv", tmp_path / "day.svg"
    options = ["--rule", "head_start", "--trace", str(trace), "--plot", str(picture), "--json"]
    done = CliRunner().invoke(main, ["simulate", str(DAYS / "normal" / "01"), *options])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert set(figures) == {"head_start", "pooled"}
    assert figures["pooled"]["ratio"] == 1
    with trace.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == Call._fields
    assert len(rows) == len(replay(scenario.load(DAYS / "normal" / "01"), POLICIES["head_start"]))
    lines = ElementTree.parse(picture).findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2


def test_the_command_compares_the_rules_over_fresh_days() -> None:
    done = CliRunner().invoke(main, ["simulate", str(DAYS / "normal"), "--compare", "--fresh", "2", "--seed", "9"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "2 days" in lines[-len(POLICIES) - 2]
    assert [line.split()[0] for line in lines[-len(POLICIES) :]] == list(POLICIES)


@pytest.mark.parametrize("arguments", [["--trace", "x.csv"], ["--rule", "fewest"], ["--fresh", "0"]])
def test_the_command_says_what_it_cannot_do(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["simulate", str(DAYS / "normal"), *arguments]).exit_code == 2


def test_the_mean_of_the_figures_is_that_of_the_trace() -> None:
    day = scenario.load(DAYS / "shortage" / "02")
    trace = replay(day)
    every = [max(0, call.called_s - start) / 60 for start, _, call in visits(day, trace)]
    assert measure(day, trace).mean_min == pytest.approx(fmean(every))
