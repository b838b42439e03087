"""What the dispatch needs of a transport: HTTP (`http_target.py`) or gRPC (`gateway.py`)."""

from collections.abc import Callable, Sequence
from typing import Protocol

from triphase_benchmark.client.exchange import Exchange, Question
from triphase_benchmark.client.parsing import Answer


class Target(Protocol):
    """An engine, as one worker reaches it."""

    async def open(self, places: int | None) -> None:
        """Connects so many times beforehand, as far as the engine lets it; never raises. `None`: nobody knows."""

    def prepare(self, question: Question) -> bytes:
        """Encodes a request; what it takes is taken before the clock runs."""

    def send(self, request: bytes, exchange: Exchange) -> Callable[[], None]:
        """Sends at once, and returns what drops it; ends the exchange in every case."""

    def token_reads(self, exchange: Exchange) -> Sequence[tuple[int, bytes]]:
        """Those of its reads that may hold tokens: for the display, while the clock runs, so nothing is parsed."""

    def read(self, exchange: Exchange, *, asked_tokens: int | None) -> Answer:
        """Reads what came, and judges it: `failure` of the answer is that of the request."""

    async def close(self) -> None:
        """Closes all connections."""
