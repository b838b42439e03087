"""Tries one case: a simulated engine of its own, one leg of the very client that measures, and both sides' tables.

Its rule: nothing here knows what is right. Requests carry their ids, by which rows and truth are joined.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from triphase_benchmark.client.crew import Crew, LegEnd
from triphase_benchmark.client.exchange import Limits
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.plan.values import Load, Message, PlannedRequest, Prompt
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.records.truth import truth_table
from triphase_benchmark.run.greeting import meet
from triphase_benchmark.run.selftest.cases import FIRST_S, TIMEOUT_S, TOKEN_S, CountedCase, QueueCase, TimedCase
from triphase_benchmark.run.simulated import Simulated, simulated_engines

_NAME = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The table REQUESTS, the table TRUTH of the same requests, and how busy the client was."""

    measured: pa.Table
    truth: pa.Table
    end: LegEnd


def try_timed(case: TimedCase, *, workers: int) -> Tried:
    """Paced streams. Raises CannotRun and CrewFailed."""
    one = Simulated(
        name=_NAME,
        like="vllm",
        asked_by="vllm",
        settings=("timing.kind=paced", f"timing.first_s={FIRST_S}", f"timing.token_s={TOKEN_S}", "jitter.kind=none"),
    )
    return _tried(one, list(_paced(case)), load=Load.OPEN, places=None, workers=workers, limits=Limits())


def try_queue(case: QueueCase) -> Tried:
    """Requests that come at random, whatever becomes of the others. Raises CannotRun and CrewFailed."""
    one = Simulated(
        name=_NAME,
        like="vllm",
        asked_by="vllm",
        seed=case.seed,
        settings=("timing.kind=queue", f"timing.service_s={case.service_s}", f"timing.service={case.service}"),
    )
    return _tried(one, list(at_random(case)), load=Load.OPEN, places=None, workers=1, limits=Limits())


def try_counted(case: CountedCase) -> Tried:
    """Answers of a shape, or with faults. Raises CannotRun and CrewFailed."""
    one = Simulated(name=_NAME, like=case.like, asked_by=case.asked_by, settings=case.settings)
    limits = Limits(timeout_s=TIMEOUT_S)
    return _tried(one, list(_counted(case)), load=Load.CLOSED, places=4, workers=1, limits=limits)


def _paced(case: TimedCase) -> Iterable[PlannedRequest]:
    """Streams begin spread over the time of one token, and each wave when the one before it is surely over."""
    wave_ns = round((FIRST_S + case.tokens * TOKEN_S) * 1.2e9)
    for number in range(case.streams * case.waves):
        wave, stream = divmod(number, case.streams)
        due_ns = wave * wave_ns + round(stream * TOKEN_S * 1e9 / case.streams)
        yield replace(_request(number, tokens=case.tokens), scheduled_ns=due_ns)


def at_random(case: QueueCase) -> Iterable[PlannedRequest]:
    """The first chunk comes when service begins, the second when it ends."""
    gaps_s = np.random.default_rng(case.seed).exponential(1 / case.arrivals_per_s, (case.batches + 1) * case.each)
    for number, due_s in enumerate(np.cumsum(gaps_s).tolist()):
        yield replace(_request(number, tokens=2), scheduled_ns=round(due_s * 1e9))


def _counted(case: CountedCase) -> Iterable[PlannedRequest]:
    """Of different lengths, one token included; each fault once."""
    for number in range(case.requests):
        yield _request(number, tokens=1 + 7 * number % 23)
    for number, fault in enumerate(case.faults, case.requests):
        request = _request(number, tokens=12)
        yield replace(request, prompt=replace(request.prompt, extra_body={"simulate": {"fault": fault.what}}))


def _request(number: int, *, tokens: int) -> PlannedRequest:
    text = " ".join(f"question {number} word {place}" for place in range(number % 5 + 1))
    prompt = Prompt(id=f"self-{number}", messages=(Message(role="user", content=text),), output_tokens=tokens)
    return PlannedRequest(number=number, prompt=prompt, scheduled_ns=None)


def _tried(
    one: Simulated, requests: list[PlannedRequest], *, load: Load, places: int | None, workers: int, limits: Limits
) -> Tried:
    with tempfile.TemporaryDirectory() as place:
        folder, log = RunFolder(Path(place)), Path(place) / "truth.jsonl"
        with simulated_engines([replace(one, truth=log)]) as engines:
            (met,) = meet(engines)
            leg = Leg(
                round=0,
                place_in_round=0,
                engine=met.engine,
                model=met.model,
                load=load,
                places=places,
                requests=tuple(requests),
                limits=limits,
            )
            with Crew(folder, workers=workers) as crew:
                end = crew.run(leg)
        truth = truth_table(log, epoch_ns=crew.epoch_ns)
        return Tried(measured=folder.read_requests(), truth=truth, end=end)
