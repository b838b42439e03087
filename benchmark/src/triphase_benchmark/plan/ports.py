"""What a plan needs from a workload. The workloads are in `workload/`, which knows plans; plans do not know them."""

from dataclasses import dataclass
from typing import Protocol

from triphase_benchmark.plan.values import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a conversation stands: the `number`-th of its round, and the `serial`-th of the whole run, from 0.

    Warm-up counts too. `serial` is unlike that of any other conversation of the run, and so must be its text.
    """

    round: int
    number: int
    serial: int


class Workload(Protocol):
    """Conversations, of one turn or several."""

    @property
    def name(self) -> str:
        """What the records and charts call it."""

    @property
    def size(self) -> int | None:
        """How many conversations it has for a run; `None`: as many as are wanted."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results must know: lengths that are estimates, rows left out. One line each."""

    def conversation(self, seed: int, place: Place) -> tuple[Prompt, ...]:
        """The turns of one conversation: the same for the same seed and place, in any order of asking.

        A later turn has only the messages that it adds. The `id` of a prompt says where it is from (`chat`, `line-12`);
        the plan makes it unique.
        """
