"""ciw, a public simulator of queues, waits to the second as the replay does when both get the same visitors."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import ciw  # type: ignore[import-untyped]
import pytest

from edge.queue.policies import POLICIES
from edge.queue.replay import replay
from edge.queue.scenario import Class, Scenario, Service, Ticket, Window

NEVER = 1e8
"""Seconds until a visitor who would come after the last one; ciw begins its lists again."""


def visitors(number: int, seed: int, classes: str) -> list[Ticket]:
    random, at, came = Random(seed), 0.0, []
    for nth in range(number):
        at += random.expovariate(1 / 40)
        work = random.lognormvariate(4.4, 0.7)
        came.append(Ticket(str(nth), at, "S", random.choice(classes), None, work, 0.0, 0, 0.0, None, ()))
    return came


def ours(tickets: list[Ticket], windows: int) -> dict[str, list[float]]:
    """Class -> seconds waited, in the order of arrival."""
    here = tuple(Window(f"W{nth}", ("S",), 1.0, ((0.0, NEVER),), True) for nth in range(windows))
    soldier, service = Class("M", "军人", 7200, 1), Service("S", "S", 1.0, 100.0, 1.0)
    day = Scenario("same", 1, 0.0, 0.0, (service,), (soldier,), here, tuple(tickets))
    called = {call.id: call.called_s for call in replay(day, POLICIES["backlog"])}
    return {cls: [called[it.id] - it.arrive_s for it in tickets if it.cls == cls] for cls in "MN"}


def theirs(tickets: list[Ticket], windows: int) -> dict[str, list[float]]:
    def gaps(cls: str) -> list[float]:
        times = [0.0, *(it.arrive_s for it in tickets if it.cls == cls)]
        return [after - before for before, after in pairwise(times)] + [NEVER]

    def works(cls: str) -> list[float]:
        return [it.work_s for it in tickets if it.cls == cls] or [1.0]

    network = ciw.create_network(
        arrival_distributions={cls: [ciw.dists.Sequential(gaps(cls))] for cls in "MN"},
        service_distributions={cls: [ciw.dists.Sequential(works(cls))] for cls in "MN"},
        number_of_servers=[windows],
        priority_classes={"M": 0, "N": 1},
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(NEVER / 2)
    records = sorted(simulation.get_all_records(), key=lambda record: record.arrival_date)
    return {cls: [each.waiting_time for each in records if each.customer_class == cls] for cls in "MN"}


@pytest.mark.parametrize(("windows", "classes"), [(3, "N"), (3, "NNNM"), (1, "NM")])
def test_it_waits_as_long(windows: int, classes: str) -> None:
    tickets = visitors(400, 5, classes)
    expected = theirs(tickets, windows)
    assert sum(map(len, expected.values())) == len(tickets)
    for cls, waits in ours(tickets, windows).items():
        assert waits == pytest.approx(expected[cls], abs=1e-3)
