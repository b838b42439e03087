"""A run from its beginning to its report: probe, plan, calibrate, run the rounds, judge the client, close, report.

Its rule: what was measured is kept, whatever ends the run: Ctrl-C, an engine or a worker that dies, a disk that is
full. Which rounds are run is its caller's to say (`Course`): all of a plan, more until a gate can tell, or those of a
sweep.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.dataset as ds

from triphase_benchmark.client.calibration import Calibration, ClientLoad, is_held
from triphase_benchmark.client.crew import CrewFailed
from triphase_benchmark.plan.making import Wish, make_plan
from triphase_benchmark.plan.reuse import planned_reuse
from triphase_benchmark.plan.values import Plan
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.records.writer import RecordsLost
from triphase_benchmark.report.progress import Snapshot
from triphase_benchmark.run.caches import Caches
from triphase_benchmark.run.client_health import HealthSoFar, as_json, beyond, brought_by, expected, worst
from triphase_benchmark.run.closing import Reported, report, rounds_table
from triphase_benchmark.run.crews import AnyCrew, calibrated, crew_of, hosts_told
from triphase_benchmark.run.greeting import meet
from triphase_benchmark.run.legs import Legs
from triphase_benchmark.run.manifest import first_manifest, gateways_of
from triphase_benchmark.run.problems import BrokeOff, CannotRun, Ending
from triphase_benchmark.run.wanted import Wanted
from triphase_benchmark.run.watching import Watch


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a course works with. It may make `plan` longer, and leaves in `manifest` what a report needs of it."""

    wish: Wish
    plan: Plan
    legs: Legs
    watch: Watch
    folder: RunFolder
    manifest: dict[str, Any] = field(default_factory=dict)

    def rounds(self) -> pa.Table:
        """The table ROUNDS of all that was measured so far."""
        return rounds_table(self.folder.dataset(), self.manifest)

    def grow(self, plan: Plan) -> None:
        """Takes a longer plan."""
        self.plan = plan
        self.watch.expect(rounds=len(plan.rounds), planned=requests_of(plan))


class Course(Protocol):
    """Decides which rounds are run."""

    def __call__(self, stage: Stage) -> None:
        """Runs them. Raises BrokeOff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, and what there is of it. `reported`: `None` where even that failed, and `problem` says why."""

    ending: Ending
    problem: str = ""
    client_ok: bool | None = None
    reported: Reported | None = None


def every_round(stage: Stage) -> None:
    """The plain course: all rounds of the plan, in order."""
    stage.legs.run(stage.plan.rounds, load=stage.plan.load, places=stage.plan.concurrency)


def requests_of(plan: Plan) -> int:
    """How many requests all of its legs have."""
    return sum(len(round_.requests) * len(round_.engines) for round_ in plan.rounds)


def conduct(wanted: Wanted, *, show: Callable[[Snapshot], None], course: Course = every_round) -> Outcome:
    """Runs all of it.

    Raises:
        BadInput: What is wanted cannot be planned.
        CannotRun: An engine cannot be measured, or the folder not be written; nothing was.
    """
    wish = wanted.wish()
    plan = make_plan(wish)
    watch = Watch(wanted.names, rounds=len(plan.rounds), planned=requests_of(plan), now=monotonic, show=show)
    watch.say("asking the engines who they are")
    met = meet(wanted.engines, wait_s=wanted.wait_s)
    folder = RunFolder(wanted.out)
    with crew_of(wanted.workers, folder) as crew:
        watch.say("calibrating the client")
        try:
            calibrations = [_calibrated(crew, expected(plan), gateway=gateway) for gateway in wanted.transports]
        except CrewFailed as error:
            raise CannotRun(str(error)) from error
        gateways = frozenset(one.name for one in wanted.engines if one.is_gateway)
        watch.client(HealthSoFar(calibrations=calibrations, gateways=gateways))
        caches = Caches(wanted.engines, salt=token_hex(8))
        manifest = first_manifest(wanted, plan, met, epoch_ns=crew.epoch_ns, caches=caches.facts(planned_reuse(plan)))
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.write_manifest(manifest)
        except OSError as error:
            raise CannotRun(f"--out {folder.path} cannot be written: {error.strerror or error}") from error
        legs = Legs(crew, {one.engine.name: one for one in met}, caches=caches, limits=wanted.limits, watch=watch)
        stage = Stage(wish=wish, plan=plan, legs=legs, watch=watch, folder=folder, manifest=manifest)
        ending, problem = _run(crew, course, stage)
        manifest |= caches.facts(planned_reuse(stage.plan))
        manifest["problems"] += caches.problems
        manifest["notes"] += hosts_told(crew)
        return _close(stage, ending, problem, calibrations=calibrations, crew=crew)


def _run(crew: AnyCrew, course: Course, stage: Stage) -> tuple[Ending, str]:
    try:
        with crew:
            course(stage)
    except KeyboardInterrupt:
        return Ending.INTERRUPTED, "the run was interrupted: what is shown is what was measured until then"
    except BrokeOff as error:
        return Ending.BROKEN, str(error)
    except OSError as error:  # of the folder itself
        return Ending.BROKEN, f"the run ended: {error}"
    return Ending.WHOLE, ""


def _close(
    stage: Stage, ending: Ending, problem: str, *, calibrations: Sequence[Calibration], crew: AnyCrew
) -> Outcome:
    folder, manifest, watch = stage.folder, stage.manifest, stage.watch
    manifest["ending"] = ending.value
    manifest["problems"] = [*([problem] if problem else []), *manifest["problems"]]
    try:
        watch.say("closing the records")
        folder.close()
        requests = folder.dataset()
        rounds = rounds_table(requests, manifest)
        manifest["calibration"] = _judged(stage, requests, rounds, calibrations, crew, ending)
        folder.write_manifest(manifest)
        watch.say("writing the report")
        reported = report(folder, folder.read_manifest(), requests=requests, rounds=rounds)
    except OSError as error:
        with suppress(RecordsLost):
            folder.write_manifest(manifest)
        lost = f"{error}; with room on the disk, `triphase-benchmark report {folder.path}` makes the report"
        return Outcome(ending=Ending.BROKEN, problem="; ".join(filter(None, [problem, lost])))
    client_ok = manifest["calibration"]["client_ok"]
    return Outcome(ending=ending, problem=problem, client_ok=client_ok, reported=reported)


def _calibrated(crew: AnyCrew, load: ClientLoad, *, gateway: bool) -> Calibration:
    first = calibrated(crew, load, gateway=gateway)
    # What passed by before the run is nothing to it.
    return first if is_held(first) else calibrated(crew, load, gateway=gateway)


def _judged(
    stage: Stage,
    requests: ds.Dataset,
    rounds: pa.Table,
    calibrations: Sequence[Calibration],
    crew: AnyCrew,
    ending: Ending,
) -> dict[str, Any]:
    brought = brought_by(requests)
    again = beyond(brought, calibrations[0].load)
    more: list[Calibration] = []
    if again is not None and ending is not Ending.INTERRUPTED:
        stage.watch.say("calibrating the client for what the run brought")
        with suppress(CrewFailed):  # then the run has brought more than the client was calibrated for
            more = [calibrated(crew, again, gateway=one.gateway) for one in calibrations]
    decisive, judged = worst(
        [*calibrations, *more],
        rounds,
        brought=brought,
        cpu_share=stage.legs.cpu_share,
        gateways=gateways_of(stage.manifest),
    )
    return as_json(decisive, judged) | {"brought": {"streams": brought.streams, "events_per_s": brought.events_per_s}}
