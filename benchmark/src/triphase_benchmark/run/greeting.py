"""Meets the engines of a run: probes each, and says what of it goes on.

Its rule: an error of any engine ends the run before it begins, with one line for each; a warning goes to the manifest.
What is looked at is `client/probing.py`, and what it means `engines/probe.py`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from triphase_benchmark.client.http_target import KeyMissing
from triphase_benchmark.client.probing import PROBE_LIMITS, probe
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.engines.probe import Probe, Severity
from triphase_benchmark.run.problems import CannotRun

_SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """An engine, and what its probe found; it can be measured."""

    engine: Engine
    probe: Probe

    @property
    def model(self) -> str:
        """What it is asked for."""
        return self.probe.model or ""

    @property
    def simulated(self) -> bool:
        """Whether its speed is made up, as it says itself."""
        return _SIMULATED in self.model or _SIMULATED in (self.probe.version or "")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know of it."""
        return tuple(one.message for one in self.probe.findings if one.severity is Severity.WARNING)


def probe_all(engines: Sequence[Engine], *, wait_s: float = 0.0) -> list[Probe]:
    """Probes one after the other, so that none slows another. Raises CannotRun where a key is missing."""

    async def every() -> list[Probe]:
        return [await probe(engine, wait_s=wait_s, limits=PROBE_LIMITS) for engine in engines]

    try:
        return asyncio.run(every())
    except KeyMissing as error:
        raise CannotRun(str(error)) from error


def meet(engines: Sequence[Engine], *, wait_s: float = 0.0) -> tuple[Met, ...]:
    """Probes all engines; raises CannotRun where any cannot be measured."""
    probes = probe_all(engines, wait_s=wait_s)
    errors = [one.message for each in probes for one in each.findings if one.severity is Severity.ERROR]
    if errors:
        raise CannotRun(*errors)
    return tuple(Met(engine=engine, probe=each) for engine, each in zip(engines, probes, strict=True))


def answers_still(engine: Engine) -> str:
    """Returns why an engine that answered before does not any more; empty: it does."""
    (now,) = probe_all([engine])
    return now.down
