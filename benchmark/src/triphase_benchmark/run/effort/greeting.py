"""Meets the engine of a probe: whether it answers, which levels it takes, and how long answers may be.

Its rule: each level is asked for once, whole, and that answer counts for nothing. A level that the engine refuses is
left out where nobody named it, and ends the probe where somebody did. What merely fails says nothing of a level: the
probe itself will tell. Whether thinking can be switched off is tried where no level does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from triphase_benchmark.client.asking import target_of
from triphase_benchmark.client.probing import PROBE_LIMITS, probe
from triphase_benchmark.effort.levels import FEWEST, Level
from triphase_benchmark.engines.probe import Probe, Severity
from triphase_benchmark.records.error_kinds import ErrorKind
from triphase_benchmark.run.effort.asking import OFF, Asker, level_members
from triphase_benchmark.run.effort.wanted import LIMIT, EffortWanted
from triphase_benchmark.run.problems import CannotRun

# Findings of a first look that make a probe of effort pointless; fixed lengths are none of its concern.
_GRAVE = frozenset({"down", "no-model", "unknown-model", "html"})
# HTTP's and gRPC's words for: what you ask for is wrong.
_REFUSALS = frozenset({400, 404, 422, 501, 3, 9, 11, 12})
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """The engine as it is asked. `controlled`: thinking can be asked to be off, though no level does it."""

    probe: Probe
    levels: tuple[Level, ...]
    limit: int | None
    controlled: bool
    notes: tuple[str, ...]

    @property
    def model(self) -> str:
        """What it is asked for."""
        return self.probe.model or ""

    @property
    def simulated(self) -> bool:
        """Whether its speed is made up, as it says itself."""
        return "simulated" in self.model or "simulated" in (self.probe.version or "")


async def meet(wanted: EffortWanted) -> Met:
    """Looks at the engine, and asks for every level once. Raises CannotRun, KeyMissing."""
    patience = replace(PROBE_LIMITS, timeout_s=min(PROBE_LIMITS.timeout_s, wanted.timeout_s))
    found = await probe(wanted.engine, wait_s=wanted.wait_s, limits=patience)
    grave = [one.message for one in found.findings if one.severity is Severity.ERROR and one.code in _GRAVE]
    if grave:
        raise CannotRun(*grave)
    target = target_of(wanted.engine, model=found.model or "", limits=wanted.limits)
    try:
        return await _levels(wanted, found, Asker(wanted, target, limit=wanted.limit or LIMIT))
    finally:
        await target.close()


async def _levels(wanted: EffortWanted, found: Probe, asker: Asker) -> Met:
    notes: list[str] = []
    if wanted.limit is None and await _refused(asker, wanted, {}):
        asker.limit = None
        why = await _refused(asker, wanted, {})
        if why:
            raise CannotRun(f"{wanted.engine.name} refuses a request without any level: {why}")
        notes.append(f"{wanted.engine.name} refuses {LIMIT} tokens for an answer: its own limit holds")
    refused = {
        level.name: why
        for level in wanted.tried
        if (why := await _refused(asker, wanted, level_members(level, wanted.field)))
    }
    levels = tuple(level for level in wanted.tried if level.name not in refused)
    if (refused and wanted.levels is not None) or len(levels) < FEWEST:
        taken = ", ".join(level.name for level in levels) or "none of them"
        first, why = next(iter(refused.items()))
        raise CannotRun(f"{wanted.engine.name} refuses {wanted.field} {first!r}, and takes {taken}: {why}")
    notes += [f"{wanted.engine.name} refuses {wanted.field} {name!r}: {why}" for name, why in refused.items()]
    controlled = all(level.thinks for level in levels) and not await _refused(asker, wanted, OFF)
    return Met(probe=found, levels=levels, limit=asker.limit, controlled=controlled, notes=tuple(notes))


async def _refused(asker: Asker, wanted: EffortWanted, members: Mapping[str, Any]) -> str:
    """Why the engine takes no such request; empty: it does, or failed in another way.

    An engine that once stood still is asked nothing more here: each time would last as long.
    """
    if asker.stalled:
        return ""
    try:
        question = asker.question(wanted.prompts[0], seed=_SEED, members_=members)
        exchange, answer = await asker.exchange(question)
    except ValueError as error:  # the gateway's contract, or a prompt's own members
        return str(error)
    kind, detail = answer.failure or (None, "")
    asker.stalled = kind is ErrorKind.TIMEOUT
    return detail if kind is ErrorKind.STATUS and exchange.status in _REFUSALS else ""
