"""Queues in virtual time agree with what theory says of them, and theory with what is known of it otherwise."""

import math
import os
from random import Random
from statistics import fmean, stdev
from typing import Literal

import pytest
from triphase_model.engine.simulated.serving import theory
from triphase_model.engine.simulated.serving.jobs import Job, Run
from triphase_model.engine.simulated.serving.machines import machine_of
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.settings import Cache, Queue, Settings
from triphase_model.engine.simulated.serving.virtual import Course, played

MS = 1_000_000
RUNS = 20
REQUESTS = 12_000 if os.environ.get("TRIPHASE_BENCHMARK") == "full" else 1500
# Of Student's t with 19 degrees of freedom, both sides together 0.001: the seeds are fixed, so that a pass stays one.
T = 3.883


def waits(queue: Queue, *, arrivals: float, seed: int) -> list[float]:
    """The waits in seconds of a queue that has been running for a while."""
    random = Random(f"arrivals {seed}")
    now_s = 0.0
    jobs = []
    for number in range(REQUESTS):
        now_s += random.expovariate(arrivals)
        jobs.append((round(now_s * 1e9), Job(key=str(number), prompt_tokens=1, chunks=(1, 1))))
    machine = machine_of(Settings(timing=queue, seed=seed), cache=PrefixCache(Cache(enabled=False)), start_ns=0)
    return [waited(course) for course in played(machine, jobs)[REQUESTS // 10 :]]


def waited(course: Course) -> float:
    return (course.chunks_ns[0] - course.run.submitted_ns) / 1e9


def agrees(values: list[float], expected: float) -> bool:
    return abs(fmean(values) - expected) <= T * stdev(values) / math.sqrt(len(values))


@pytest.mark.parametrize(
    ("service", "servers", "arrivals"),
    [("exponential", 1, 7.0), ("constant", 1, 7.0), ("exponential", 3, 21.0)],
    ids=["M/M/1", "M/D/1", "M/M/3"],
)
def test_waits_agree_with_theory(service: Literal["exponential", "constant"], servers: int, arrivals: float) -> None:
    queue = Queue(servers=servers, service_s=0.1, service=service)
    runs = [waits(queue, arrivals=arrivals, seed=seed) for seed in range(RUNS)]
    if service == "constant":
        mean, high = theory.md1_mean_wait(arrivals, 10), theory.md1_wait_quantile(0.99, arrivals, 10)
    else:
        mean = theory.mmc_mean_wait(arrivals, 10, servers)
        high = theory.mmc_wait_quantile(0.99, arrivals, 10, servers)
    means = [fmean(run) for run in runs]
    beyond = [sum(wait > high for wait in run) / len(run) for run in runs]
    assert agrees(means, mean)
    assert agrees(beyond, 0.01)
    # It can fail: a queue that is a tenth busier does not agree.
    assert not agrees([fmean(waits(queue, arrivals=arrivals * 1.1, seed=seed)) for seed in range(RUNS)], mean)


def test_what_theory_says_fits_together() -> None:
    # M/M/1 by its own formulas: the share that waits is the load.
    assert theory.erlang_c(7, 10, 1) == pytest.approx(0.7)
    assert theory.mmc_mean_wait(7, 10) == pytest.approx(0.7 / 3)
    assert theory.mmc_wait_quantile(0.99, 7, 10) == pytest.approx(math.log(70) / 3)
    assert theory.mmc_wait_quantile(0.2, 7, 10) == 0.0
    # M/D/1 waits half as long as M/M/1, and who does not wait comes into an empty engine.
    assert theory.md1_mean_wait(7, 10) == pytest.approx(theory.mmc_mean_wait(7, 10) / 2)
    assert theory.md1_share_within(0, 7, 10) == pytest.approx(0.3)
    # Its mean is what is under its tail.
    step_s = 0.004
    tail = sum(1 - theory.md1_share_within((n + 0.5) * step_s, 7, 10) for n in range(500)) * step_s
    assert tail == pytest.approx(theory.md1_mean_wait(7, 10), rel=2e-3)
    # Erlang's C of two servers, in closed form.
    load = 1.4
    assert theory.erlang_c(14, 10, 2) == pytest.approx(load**2 / (2 + load))
    with pytest.raises(ValueError, match="more than the queue can do"):
        theory.mmc_mean_wait(20, 10, 2)


def test_the_answer_spans_its_service_and_first_come_are_first_served() -> None:
    machine = machine_of(
        Settings(timing=Queue(service_s=0.1, service="constant")), cache=PrefixCache(Cache()), start_ns=0
    )
    first, second, third = played(
        machine,
        [
            (0, Job(key="a", prompt_tokens=1, chunks=(1, 1, 1))),
            (10 * MS, Job(key="b", prompt_tokens=1, chunks=(5,))),
            (20 * MS, Job(key="c", prompt_tokens=1, chunks=(1, 1))),
        ],
    )
    assert first.chunks_ns == (0, 50 * MS, 100 * MS)
    assert second.chunks_ns == (200 * MS,)  # a single chunk comes at the end
    assert third.chunks_ns == (200 * MS, 300 * MS)


def test_whoever_leaves_gives_the_server_to_the_next() -> None:
    machine = machine_of(
        Settings(timing=Queue(service_s=0.1, service="constant")), cache=PrefixCache(Cache()), start_ns=0
    )
    runs = [Run(job=Job(key=key, prompt_tokens=1, chunks=(1, 1)), submitted_ns=0) for key in "abc"]
    for run in runs:
        machine.submit(run)
    assert (machine.running, machine.waiting, machine.memory_share) == (1, 2, 1.0)
    machine.drop(runs[1], 10 * MS)
    machine.drop(runs[0], 20 * MS)
    machine.drop(runs[0], 30 * MS)
    assert runs[2].admitted_ns == 20 * MS
    assert [made.due_ns for made in machine.advance(10**9, most=10)] == [20 * MS, 120 * MS]
    assert machine.due_ns() is None
