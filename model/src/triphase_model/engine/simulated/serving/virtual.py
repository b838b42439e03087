"""Virtual time: runs a machine as fast as the computer can, on a clock of its own.

For proofs that need thousands of requests, such as of queueing against theory. Nothing is sent here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from triphase_model.engine.simulated.serving.jobs import Job, Made, Run
from triphase_model.engine.simulated.serving.ports import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What became of one job: when each of its chunks came, in nanoseconds."""

    run: Run
    chunks_ns: tuple[int, ...]


def played(machine: Machine, arrivals: Iterable[tuple[int, Job]]) -> list[Course]:
    """Submits jobs at their times, which rise, and runs until all have ended; in the order of the arrivals."""
    times: dict[int, list[int]] = {}
    runs: list[Run] = []
    for arrival_ns, job in arrivals:
        _advance(machine, arrival_ns, times)
        run = Run(job=job, submitted_ns=arrival_ns)
        times[id(run)] = []
        runs.append(run)
        machine.submit(run)
    _advance(machine, None, times)
    return [Course(run=run, chunks_ns=tuple(times[id(run)])) for run in runs]


def _advance(machine: Machine, until_ns: int | None, times: dict[int, list[int]]) -> None:
    while (due_ns := machine.due_ns()) is not None and (until_ns is None or due_ns <= until_ns):
        made: list[Made] = machine.advance(due_ns, most=1024)
        for run, _, at_ns in made:
            times[id(run)].append(at_ns)
