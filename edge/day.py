"""`hall-edge day`: a day played against a running hall, over its real API and its devices, for demos and for load."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from edge.day_api import Api, Gone, Said
from edge.day_play import Plan, Play, Visitor
from edge.queue import generate
from edge.queue.generate import HALF_HOUR_S, Intensities
from edge.queue.scenario import COMES_BACK, NEVER_SHOWS, PRESENT, Class, Scenario, ScenarioError, Service, Window, load

SHOWN_S = 0.5
"""Between two looks at how far the day is."""
View = dict[str, Any]


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the hall's service runs.")
@click.option("--speed", type=click.FloatRange(1, 10_000), default=60, show_default=True, help="Times real time.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of a made-up day, and of who rates how.")
def day(folder: Path | None, url: str, speed: float, seed: int) -> None:
    """Play a day against the running service at --url, which must be a demo ([access] demo = true).

    The day in FOLDER (tests/days/FORMAT.md has the format), its services and windows laid onto the hall's own; without
    one a day is made up for the hall. Ctrl-C ends it: who is at a window is finished, who waits goes on waiting.
    """
    try:
        given = load(folder) if folder is not None else None
        asyncio.run(_play(given, url.rstrip("/"), speed, seed))
    except* (ScenarioError, Said, Gone) as group:
        raise click.ClickException(str(group.exceptions[0])) from group


async def _play(given: Scenario | None, url: str, speed: float, seed: int) -> None:
    async with Api(url) as api:
        plan, words = await look(api, given, seed)
        click.echo(words)
        play = Play(api, plan, speed, seed)
        with _stopped_by_ctrl_c(play):
            showing = asyncio.create_task(_show(play))
            try:
                await play.run()
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)
        click.echo(summary(play, speed))


@contextlib.contextmanager
def _stopped_by_ctrl_c(play: Play) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, play.stopped.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _show(play: Play) -> None:
    """One line that is written anew; nothing where nobody looks."""
    while sys.stdout.isatty():
        click.echo(f"\r\x1b[K{line(play)}", nl=False)
        await asyncio.sleep(SHOWN_S)


def line(play: Play) -> str:
    waiting, served = play.count("waiting"), play.count("served")
    return (
        f"{clock(play.now_s)}  issued {len(play.visitors)}  waiting {waiting}  served {served}"
        f"  worst wait {play.worst_wait_s() / 60:.0f} min"
    )


def clock(at_s: float) -> str:
    return f"{int(at_s // 3600):02d}:{int(at_s % 3600 // 60):02d}"


# ---- the day laid onto the hall


async def look(api: Api, given: Scenario | None, seed: int) -> tuple[Plan, str]:
    """The plan for the hall that answers, and how the day is laid onto it. Raises Said, Gone, ScenarioError."""
    menu, there = await api.get("/services"), await api.get("/windows")
    services = [each for unit in menu["units"] for each in unit["services"] if each["windows"]]
    scenario = given or invented(services, there["windows"], seed)
    onto = onto_services([each.id for each in scenario.services], [each["id"] for each in services])
    windows = onto_windows(scenario.windows, [each["no"] for each in there["windows"]])
    door, console = await api.page("/"), await api.page(f"/window/{min(windows)}")
    clerks = re.findall(r'<option value="([^"]+)"', (re.findall(r'id="clerks">(.*?)</datalist>', console) or [""])[0])
    plan = Plan(
        sorted(scenario.tickets, key=lambda each: each.arrive_s),
        onto,
        {each["id"]: each["name"] for each in services},
        windows,
        dict(zip(windows, clerks, strict=False)),
        tuple(re.findall(r'href="/kiosk/([^"]+)"', door)),
        scenario.noshow_s,
        scenario.handling_s,
        there["seq"],
        {each["no"]: each for each in there["windows"]},
    )
    return plan, _laid(scenario, plan, menu["hall"]["name"])


def onto_services(ids: Sequence[str], there: Sequence[str]) -> dict[str, str]:
    """By id where all are the hall's own, otherwise by order, from the first again when they run out."""
    if set(ids) <= set(there):
        return {each: each for each in ids}
    return {each: there[nth % len(there)] for nth, each in enumerate(ids)}


def onto_windows(windows: Sequence[Window], there: Sequence[int]) -> dict[int, Window]:
    """By number where all are the hall's own, otherwise by order as far as there are enough."""
    own = {str(no): no for no in there}
    if all(each.id in own for each in windows):
        return {own[each.id]: each for each in windows}
    return dict(zip(there, windows, strict=False))


def _laid(day: Scenario, plan: Plan, hall: str) -> str:
    windows = _pairs((each.id, str(no)) for no, each in plan.windows.items())
    left = len(day.windows) - len(plan.windows)
    more = f" ({left} more windows of the day have no place: expect long lines)" if left else ""
    onto = _pairs((each.name, plan.names[plan.services[each.id]]) for each in day.services)
    return (
        f"{day.name}, {len(plan.tickets)} visitors, at {hall}: windows {windows}{more}; services {onto}\n"
        f"{len(plan.kiosks)} kiosks, {len(plan.clerks)} clerks sign in; bookings come as ordinary visitors"
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(one if one == other else f"{one}→{other}" for one, other in pairs)


# ---- a made-up day

ROSTER = ((9 * 3600.0, 12 * 3600.0), (13 * 3600.0, 17 * 3600.0))
CROWD = (1.0, 1.5, 1.4, 1.2, 0.9, 0.5, 0.0, 0.0, 1.0, 1.2, 1.1, 1.0, 0.8, 0.6, 0.4)
"""Of the mean, for each half hour from 9:00 on."""
LOAD = 0.75
MEAN_S, CV, WALK_S, NOSHOW_S = 420.0, 0.6, 20.0, 60.0
CLASSES = (Class("N", "普通", 0, 0), Class("E", "老年人", 900, 1), Class("D", "残障人士", 900, 2))


def invented(services: Sequence[View], windows: Sequence[View], seed: int) -> Scenario:
    """A day that keeps this hall busy for three quarters of its time: every service alike, a crowd in the morning."""
    base = Scenario(
        "a made-up day",
        seed,
        NOSHOW_S,
        WALK_S,
        tuple(Service(each["id"], each["name"], 1.0, MEAN_S, CV) for each in services),
        CLASSES,
        tuple(Window(str(each["no"]), tuple(each["skills"]), 1.0, ROSTER, True) for each in windows),
        (),
    )
    each_half = LOAD * len(windows) * sum(end - start for start, end in ROSTER) / (MEAN_S + WALK_S) / sum(CROWD)
    first = int(ROSTER[0][0] // HALF_HOUR_S)
    made = Intensities(
        days=(base,),
        walk_ins={first + nth: each * each_half for nth, each in enumerate(CROWD)},
        booked={},
        classes={"N": 0.92, "E": 0.06, "D": 0.02},
        kinds={PRESENT: 0.93, NEVER_SHOWS: 0.04, COMES_BACK: 0.03},
        follow_up=0.05,
        pauses=((), (600.0,)),
    )
    return generate.fresh(made, seed)


# ---- what came of it


def summary(play: Play, speed: float) -> str:
    every = list(play.visitors.values())
    asked = dict.fromkeys(play.plan.services.values())
    rows = [_row(play.plan.names[id_], [each for each in every if each.service == id_]) for id_ in asked]
    many, api = len(play.api.latencies_ms), play.api
    times = sorted(api.latencies_ms)
    told = [
        "",
        "  came  served  missed  left  waiting   mean   p90  longest  minutes waited",
        *rows,
        _row("all", every),
        f"{play.rated} rated; {many:,} requests, p50 {times[many // 2]:.1f} ms, p99 {times[many * 99 // 100]:.1f} ms",
    ]
    if play.turned_away or play.strangers:
        told.append(f"{play.turned_away} got no number; {play.strangers} others were served too")
    if play.behind_s > 60:
        told.append(f"visitors came up to {play.behind_s / 60:.0f} min late: {speed:g} times is too fast here")
    told += [f"refused {count} times: {title}" for title, count in api.refused.most_common(5)]
    return "\n".join(told)


def _row(name: str, visitors: Sequence[Visitor]) -> str:
    states = [each.state for each in visitors]
    waits = sorted(wait / 60 for each in visitors for wait in each.waits_s) or [0.0]
    counts = f"{len(visitors):6}{states.count('served'):8}{states.count('missed') + states.count('away'):8}"
    counts += f"{states.count('left'):6}{states.count('waiting') + states.count('at_window'):9}"
    return f"{counts}{fmean(waits):7.1f}{waits[int(len(waits) * 0.9)]:6.0f}{waits[-1]:9.0f}  {name}"
