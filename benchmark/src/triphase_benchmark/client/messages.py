"""What a crew and its workers say to each other: few and small messages, over a pipe for each worker.

Its rule: results never travel here. A worker that finds its pipe closed knows that its parent is gone, whatever way.
"""

from dataclasses import dataclass

from triphase_benchmark.client.leg import Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Get a leg ready: encode its requests, connect."""

    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Send the leg that is ready; `at_ns` of the monotonic clock is its time 0, for all workers."""

    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Drop what runs, and write it down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The leg can begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """All of the leg has ended; its answers are about to be read and written."""

    cpu_s: float  # of the worker, while the leg ran
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The leg's rows are in the worker's part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worker cannot go on; `message` says why, in a line. `lost`: rows could not be written."""

    message: str
    lost: bool = False


Order = Prepare | Begin | Stop
Report = Ready | Sent | Written | Failed
