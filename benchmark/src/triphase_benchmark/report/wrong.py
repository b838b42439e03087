"""Everything that was wrong with a run, in the order in which it matters.

Its rule: nothing is held back, and nothing is said twice: what makes figures worthless comes first, then what makes
them fewer, then what one should know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triphase_benchmark.report.gathered import Counts, Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.words import harmless, named, share

_MOST_SHARED: Final = 0.01
_MOST_CACHED: Final = 0.01
# What no plan has asked for: chat templates, which all prompts begin with, bring some of it, but not most.
_MOST_UNASKED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing. `grave`: figures must not be relied on without regard to it."""

    text: str
    grave: bool


def wrongs(inputs: Inputs, found: Gathered) -> tuple[Wrong, ...]:
    """All of it; nothing where nothing was wrong."""
    every = [*_client(inputs), *(Wrong(harmless(text), grave=True) for text in inputs.facts.problems)]
    every += [*_void(inputs), *_dropped(inputs)]
    for name, counts in found.counts.items():
        every += _of_engine(named(name), counts)
        every += _of_cache(named(name), counts, unasked=inputs.facts.planned_reuse == 0)
    every += [Wrong(harmless(text), grave=False) for text in inputs.facts.notes]
    return tuple(sorted(every, key=lambda one: not one.grave))


def _client(inputs: Inputs) -> Iterator[Wrong]:
    calibration = inputs.facts.calibration
    why = f": {harmless(calibration.why)}" if calibration.why else ""
    if calibration.client_ok is None:
        yield Wrong(
            f"The client was not calibrated: how much of what is shown is its own delay is not known{why}.", grave=True
        )
    elif not calibration.client_ok:
        yield Wrong(f"The client was not fast enough for this load, so latencies hold its own delay{why}.", grave=True)


def _void(inputs: Inputs) -> Iterator[Wrong]:
    for (number, engine), why in sorted(inputs.void.items()):
        yield Wrong(f"Round {number + 1} of {named(engine)} is void: {harmless(why)}.", grave=False)


def _dropped(inputs: Inputs) -> Iterator[Wrong]:
    total = len({row.round for row in inputs.rounds})
    pairs = dict.fromkeys((row.engine, row.baseline) for row in inputs.comparison if row.paired)
    for engine, baseline in pairs:
        void = {number for number, name in inputs.void if name in {engine, baseline}}
        if void:
            left = f"{len(void)} of {total} pairs of rounds are left out"
            yield Wrong(
                f"{named(engine)} against {named(baseline)}: {left}, since one side of each is void.", grave=False
            )


def _of_engine(name: str, counts: Counts) -> Iterator[Wrong]:
    if counts.planned and not counts.succeeded:
        yield Wrong(f"{name}: not one request succeeded.", grave=True)
    failed = counts.failures.total()
    if failed:
        kinds = ", ".join(f"{harmless(kind)} {count:,}" for kind, count in counts.failures.most_common())
        yield Wrong(f"{name}: {failed:,} of {counts.planned:,} requests failed ({kinds}).", grave=False)
    if counts.chunks and (shared := counts.shared_reads / counts.chunks) > _MOST_SHARED:
        yield Wrong(
            f"{name}: {share(shared)} of the token chunks arrived in one read with another, so gaps are coarse.",
            grave=False,
        )


def _of_cache(name: str, counts: Counts, *, unasked: bool) -> Iterator[Wrong]:
    cached = (counts.cached_tokens or 0) / max(counts.input_tokens, 1)
    if cached > _MOST_CACHED:
        grave = unasked and cached > _MOST_UNASKED
        why = ", though no prompt begins like another: it had been asked them before" if grave else ""
        yield Wrong(f"{name}: {share(cached)} of the input tokens came from a prefix cache{why}.", grave=grave)
