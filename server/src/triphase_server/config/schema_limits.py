"""The keys of the tables named `limits`: at the top, of an upstream, and of a route.

Rule: 0 is no bound. What the limits do is `core/limits.py`; the other keys are in `schema.py`.
"""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from triphase_server.config.fields import Table, expected, wrong
from triphase_server.config.kinds import Connections, Seconds
from triphase_server.core.limits import Adaptive, Concurrency, PerMinute

_CONCURRENCY = Concurrency()
_PER_MINUTE = PerMinute()

_Adaptive = Annotated[Adaptive, Field(strict=False), expected("one of " + ", ".join(Adaptive))]
_AtLeastOne = Annotated[int, Field(ge=1, le=100_000), expected("a whole number from 1 to 100000")]
_Rate = Annotated[
    float,
    Field(ge=0, le=1e12, allow_inf_nan=False),
    expected("a number a minute from 0 (no bound) to 1000000000000"),
]
_Tokens = Annotated[int, Field(ge=0, le=10_000_000), expected("a whole number of tokens from 0 to 10000000")]


class LimitsTable(Table):
    """`[limits]`: how many requests the gateway serves at once."""

    max_concurrency: Connections = Field(
        default=_CONCURRENCY.max_concurrency, description="The most that run at once; 0 = no bound"
    )
    max_queue: Connections = Field(
        default=_CONCURRENCY.max_queue, description="The most that wait for a place; 0 = none waits"
    )
    max_wait_s: Seconds = Field(default=_CONCURRENCY.max_wait_s, description="The longest that one waits for a place")

    def values(self) -> Concurrency:
        """Returns what is limited."""
        return Concurrency(**self.model_dump())


class UpstreamLimitsTable(LimitsTable):
    """`[upstreams.NAME.limits]`: how many attempts one upstream gets at once."""

    adaptive: _Adaptive = Field(
        default=_CONCURRENCY.adaptive, description="What moves the limit: off, aimd or gradient"
    )
    min_concurrency: _AtLeastOne = Field(
        default=_CONCURRENCY.min_concurrency, description="The least that an adaptive limit comes to"
    )

    @field_validator("adaptive")
    @classmethod
    def _within_bounds(cls, adaptive: Adaptive, info: ValidationInfo) -> Adaptive:
        if adaptive is not Adaptive.OFF and info.data.get("max_concurrency") == 0:
            raise wrong("expected max_concurrency above 0 beside it, which an adaptive limit stays below")
        return adaptive


class RouteLimitsTable(Table):
    """`[routes.NAME.limits]`: how much one route gives each minute."""

    requests_per_minute: _Rate = Field(default=_PER_MINUTE.requests_per_minute, description="Requests; 0 = no bound")
    tokens_per_minute: _Rate = Field(
        default=_PER_MINUTE.tokens_per_minute, description="Tokens, input and output; 0 = no bound"
    )
    assumed_output_tokens: _Tokens = Field(
        default=_PER_MINUTE.assumed_output_tokens, description="What is charged of output where a request has no bound"
    )

    def values(self) -> PerMinute:
        """Returns what is limited."""
        return PerMinute(**self.model_dump())
