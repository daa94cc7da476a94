"""`hall-edge simulate`: days of a hall replayed in virtual time, to compare rules before one is chosen."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from edge.queue import generate, plot
from edge.queue.metrics import Figures, measure, visits
from edge.queue.policies import POLICIES, REFERENCE
from edge.queue.replay import Call, Day, Visit, replay
from edge.queue.scenario import Scenario, ScenarioError, days

RULES = click.Choice(list(POLICIES))
Results = dict[str, list[Figures]]
"""Rule -> figures of each day."""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rule", type=RULES, default="backlog", show_default=True, help="Who is called next.")
@click.option("--compare", is_flag=True, help="Every rule, not only this one.")
@click.option("--fresh", type=click.IntRange(1, 10_000), help="So many new days of the same kind instead.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the new days.")
@click.option("--trace", type=click.Path(path_type=Path), help="Write every call of the rule as CSV; one day only.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw how many wait, as SVG; the first day.")
@click.option("--json", "as_json", is_flag=True, help="Figures for programs.")
def simulate(
    folder: Path,
    rule: str,
    compare: bool,
    fresh: int | None,
    seed: int,
    trace: Path | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Replay the day in FOLDER, or each day in the folders inside it (tests/days/FORMAT.md has the format).

    Waits are compared with `pooled`: one line, every window serving everything.
    """
    found = _days(folder, fresh, seed)
    if trace is not None and len(found) > 1:
        raise click.UsageError("--trace is for one day; name its folder")
    names = [name for name in POLICIES if compare or name in (rule, REFERENCE)]
    results: Results = {name: [] for name in names}
    first: dict[str, list[Call]] = {}
    with _progress(found, names) as tick:
        for day in found:
            for name in names:
                calls = replay(day, POLICIES[name], tick)
                results[name].append(measure(day, calls))
                first.setdefault(name, calls)
    if trace is not None:
        _write_trace(trace, first[rule])
    if picture is not None:
        spans = {name: [(start, call.called_s) for start, _, call in visits(found[0], first[name])] for name in names}
        picture.write_text(plot.svg(f"{found[0].name}: people waiting", spans), "utf-8")
    click.echo(json.dumps(_summary(results), indent=1) if as_json else _table(results, len(found)))


def _days(folder: Path, fresh: int | None, seed: int) -> list[Scenario]:
    try:
        given = days(folder)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from error
    if fresh is None:
        return given
    found = generate.intensities(given)
    return [generate.fresh(found, seed + nth) for nth in range(fresh)]


@contextmanager
def _progress(found: Sequence[Scenario], names: Sequence[str]) -> Iterator[Any]:
    """A bar on the terminal that moves with the arrivals; beside what a program reads."""
    total = sum(len(day.tickets) for day in found) * len(names)
    with click.progressbar(length=total, label="replaying", update_min_steps=1000, file=sys.stderr) as bar:

        def tick(_at: float, _day: Day, visit: Visit) -> None:
            if visit.nth == 0 and visit.attempt == 1:
                bar.update(1)

        yield tick


def _write_trace(path: Path, calls: Sequence[Call]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(Call._fields)
        rows.writerows(each._replace(called_s=round(each.called_s, 3), end_s=round(each.end_s, 3)) for each in calls)


def _summary(results: Results) -> dict[str, dict[str, Any]]:
    pooled = fmean(wait for each in results[REFERENCE] for wait in each.waits)
    return {name: {"words": POLICIES[name].words} | _figures(each, pooled) for name, each in results.items()}


def _figures(found: Sequence[Figures], pooled: float) -> dict[str, Any]:
    mean = fmean(wait for each in found for wait in each.waits)
    classes = sorted({cls for each in found for cls in each.by_class})
    by_class = {cls: [wait for each in found for wait in each.by_class.get(cls, ())] for cls in classes}
    return {
        "mean_min": round(mean, 2),
        "ratio": round(mean / pooled, 3) if pooled else None,
        "p95_min": round(fmean(each.p95_min for each in found), 1),
        "longest_min": round(fmean(each.longest_min for each in found), 1),
        "by_class_min": {cls: round(fmean(waits), 2) for cls, waits in by_class.items()},
        "overtakes": round(fmean(each.overtakes for each in found), 4),
        "unserved": sum(each.unserved for each in found),
        "jain": round(fmean(each.jain for each in found), 4),
        "same_skill_cv": round(fmean(each.variation for each in found), 3),
    }


def _table(results: Results, number: int) -> str:
    found = _summary(results)
    classes = list(next(iter(found.values()))["by_class_min"])
    head = f"{'':11}{'mean':>7}{'ratio':>7}{'p95':>7}{'longest':>9}" + "".join(f"{cls:>7}" for cls in classes)
    lines = [
        f"{number} day{'s' * (number > 1)}, waits in minutes",
        head + f"{'passed':>8}{'left':>6}{'Jain':>8}{'CV':>7}",
    ]
    for name, it in found.items():
        waits = "".join(f"{it['by_class_min'][cls]:7.1f}" for cls in classes)
        line = f"{name:11}{it['mean_min']:7.1f}{it['ratio'] or 0:7.2f}{it['p95_min']:7.1f}{it['longest_min']:9.1f}"
        tail = f"{it['overtakes']:8.1%}{it['unserved']:6}{it['jain']:8.3f}{it['same_skill_cv']:7.3f}"
        lines.append(f"{line}{waits}{tail}  {it['words']}")
    return "\n".join(lines)
