"""What operators allow: how many requests run at once, how many wait before them and how long, how much each minute.

Rule: 0 is no bound, for every number here. With several workers, which count apart, each gets its share, and at least
one. How a limit moves is `concurrency.py`, how a quota refills `rates.py`, who waits `service/gate.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from triphase_server.core.concurrency import Aimd, Fixed, Gradient, LimitRule, divided
from triphase_server.core.rates import Quota, RateLimits


class Adaptive(StrEnum):
    """What moves the limit of an upstream, between `min_concurrency` and `max_concurrency`."""

    OFF = "off"
    AIMD = "aimd"
    GRADIENT = "gradient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many run at once.

    Attributes:
        max_concurrency: The most; 0 = no bound, and nothing else here counts.
        max_queue: The most that wait for a place; one more is refused.
        max_wait_s: The longest that one waits.
        adaptive: What moves the limit below `max_concurrency`.
        min_concurrency: The least that an adaptive limit comes to.
    """

    max_concurrency: int = 0
    max_queue: int = 100
    max_wait_s: float = 10.0
    adaptive: Adaptive = Adaptive.OFF
    min_concurrency: int = 4

    def rule(self) -> LimitRule | None:
        """Returns how the limit moves; `None` = there is none. An adaptive one begins in the middle."""
        if not self.max_concurrency:
            return None
        least = min(self.min_concurrency, self.max_concurrency)
        middle = (least + self.max_concurrency) // 2
        match self.adaptive:
            case Adaptive.OFF:
                return Fixed(limit=self.max_concurrency)
            case Adaptive.AIMD:
                return Aimd(initial=middle, min_limit=least, max_limit=self.max_concurrency)
            case Adaptive.GRADIENT:
                return Gradient(initial=middle, min_limit=least, max_limit=self.max_concurrency)
            case _:
                assert_never(self.adaptive)

    def share(self, place: int, *, workers: int) -> "Concurrency":
        """Returns what the worker in a place may do of this."""
        if not self.max_concurrency:
            return self
        return replace(
            self,
            max_concurrency=max(1, divided(self.max_concurrency, workers=workers)[place]),
            max_queue=divided(self.max_queue, workers=workers)[place],
            min_concurrency=max(1, divided(self.min_concurrency, workers=workers)[place]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PerMinute:
    """How much one route gives each minute.

    Attributes:
        requests_per_minute: Requests.
        tokens_per_minute: Tokens of the model, input and output. Charged by estimate at the begin, settled at the end.
        assumed_output_tokens: The estimate of output, for a request that does not bound it itself.
    """

    requests_per_minute: float = 0.0
    tokens_per_minute: float = 0.0
    assumed_output_tokens: int = 1024

    def rates(self) -> RateLimits:
        """Returns full quotas."""
        return RateLimits(
            requests=_quota("requests per minute", self.requests_per_minute),
            tokens=_quota("tokens per minute", self.tokens_per_minute),
        )

    def share(self, *, workers: int) -> "PerMinute":
        """Returns what one of the workers may give of this."""
        return replace(
            self,
            requests_per_minute=self.requests_per_minute / workers,
            tokens_per_minute=self.tokens_per_minute / workers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All limits: of the whole gateway, of upstreams and of routes, by name; a name that is missing has none."""

    gateway: Concurrency = Concurrency()
    upstreams: Mapping[str, Concurrency] = field(default_factory=dict)
    routes: Mapping[str, PerMinute] = field(default_factory=dict)

    def share(self, place: int, *, workers: int) -> "Limits":
        """Returns those of the worker in a place."""
        return Limits(
            gateway=self.gateway.share(place, workers=workers),
            upstreams={name: limit.share(place, workers=workers) for name, limit in self.upstreams.items()},
            routes={name: limit.share(workers=workers) for name, limit in self.routes.items()},
        )


def _quota(name: str, per_minute: float) -> Quota | None:
    return Quota(name=name, per_minute=per_minute) if per_minute else None
