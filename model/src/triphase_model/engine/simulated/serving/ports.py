"""What the parts of the simulated engine need of each other: machines of time, and both ends of a connection."""

from typing import TYPE_CHECKING, Protocol

from triphase_model.engine.simulated.serving.jobs import Made, Run

if TYPE_CHECKING:
    from triphase_model.engine.simulated.serving.connection import Connection, Request


class Handler(Protocol):
    """Who answers requests."""

    def handle(self, connection: "Connection", request: "Request") -> None:
        """Answers, now or later."""


class Respondent(Protocol):
    """Whose answer is under way on a connection."""

    def left(self) -> None:
        """The client has gone."""

    def writable(self) -> None:
        """The client reads again."""


class Machine(Protocol):
    """Decides when chunks come. All times are int nanoseconds of one clock, and never go back."""

    @property
    def running(self) -> int:
        """How many jobs are being worked on."""

    @property
    def waiting(self) -> int:
        """How many jobs wait."""

    @property
    def memory_share(self) -> float:
        """How much of the memory for contexts is taken, 0 to 1."""

    def submit(self, run: Run) -> None:
        """Takes a job at its `submitted_ns`.

        Raises:
            Full: Too many wait.
            TooLong: It would never fit.
        """

    def drop(self, run: Run, now_ns: int) -> None:
        """Forgets a job whose client has left; one that has ended is nothing to it."""

    def due_ns(self) -> int | None:
        """When to ask again; `None` while there is nothing to do."""

    def advance(self, now_ns: int, *, most: int) -> list[Made]:
        """The chunks that are due by now, in the order of their times, and not many more than `most` of them."""
