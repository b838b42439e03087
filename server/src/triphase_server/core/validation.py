"""What operators allow of the validation of model repositories, which callers ask for over the network.

Rule: it is bounded apart from what answers requests, since a check costs a process and seconds of its time. Who may
come in is `service/validation.py`.
"""

from dataclasses import dataclass, replace

from triphase_server.core.limits import Concurrency


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPolicy:
    """What is allowed.

    Attributes:
        enabled: Whether callers may have repositories checked at all.
        roots: The folders whose repositories may be named, as absolute paths.
        max_concurrency: The most checks that run at once, in all workers together.
        max_queue: The most that wait for a place; one more is refused.
        max_wait_s: The longest that one waits.
        max_s: The longest that one check takes; what takes longer could not be evaluated.
    """

    enabled: bool = True
    roots: tuple[str, ...] = ()
    max_concurrency: int = 2
    max_queue: int = 16
    max_wait_s: float = 10.0
    max_s: float = 60.0

    @property
    def concurrency(self) -> Concurrency:
        """How many run at once, as a gate takes it."""
        return Concurrency(max_concurrency=self.max_concurrency, max_queue=self.max_queue, max_wait_s=self.max_wait_s)

    def share(self, place: int, *, workers: int) -> "ValidationPolicy":
        """Returns what the worker in a place may do of this; at least one check at a time."""
        own = self.concurrency.share(place, workers=workers)
        return replace(self, max_concurrency=own.max_concurrency, max_queue=own.max_queue)
