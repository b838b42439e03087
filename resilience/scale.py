"""How much of each proof is run: a small cut in every test run, all of it where `TRIPHASE_RESILIENCE` is `full`.

Its rule: only the whole judges times and memory, since a machine that runs other tests beside has no quiet moment; the
small cut asserts the same outcomes, for fewer cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "TRIPHASE_RESILIENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is run.

    Attributes:
        every: One of so many offsets of a recording is broken at.
        cancels: How many callers leave.
        streams: How many streams run while the gateway is told to stop.
        soak_s: How long the steady load goes on, in seconds; one batch of answers in any case.
        overload_s: How long ten times of what can be served is asked for, in seconds.
        measures: Whether times and memory are judged.
    """

    every: int
    cancels: int
    streams: int
    soak_s: float
    overload_s: float
    measures: bool


SMALL = Scale(every=37, cancels=300, streams=24, soak_s=0.0, overload_s=1.0, measures=False)
FULL = Scale(every=1, cancels=20_000, streams=400, soak_s=180.0, overload_s=30.0, measures=True)


def scale_of(environ: Mapping[str, str]) -> Scale:
    """Returns the scale that the environment asks for."""
    return FULL if environ.get(VARIABLE) == "full" else SMALL
