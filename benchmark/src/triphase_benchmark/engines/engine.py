"""One engine of a run, as a user names it.

Its rule: a value without secrets. A key is named by the variable that holds it, and read where a request is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a million tokens cost, in any one currency."""

    input: float
    output: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """`url`: `http(s)://` of an OpenAI-compatible API (with or without `/v1`), or `grpc://` of the gateway.

    `profile`: a name of `profiles.py`. `model`: what is asked for; `None` takes the first that the engine lists.
    `headers` are sent as they are, and must hold no secret: that is what `key_variable` is for.
    """

    name: str
    url: str
    profile: str = "generic"
    model: str | None = None
    key_variable: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None

    @property
    def is_gateway(self) -> bool:
        """Whether it is asked over gRPC, in phases."""
        return self.url.startswith("grpc://")
