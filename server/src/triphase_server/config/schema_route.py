"""The keys of `[routes.NAME]` and of the tables in it.

Rule: a deployment's name alone stands for the table with that name and the defaults. What holds between routes, or
between the deployments of one, is in `consistency.py`; the other keys are in `schema.py`.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from triphase_server.config.fields import Table, expected, name_in, surroundings, wrong
from triphase_server.config.kinds import Attempts, Priority, Seconds, SecondsOrNone, Weight
from triphase_server.config.schema_limits import RouteLimitsTable
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import OnMidstreamFailure, SummaryModel, WhenAllOpen
from triphase_server.core.routing import Strategy

_RETRY = RetryPolicy()

_Strategy = Annotated[Strategy, Field(strict=False), expected("one of " + ", ".join(Strategy))]
_WhenAllOpen = Annotated[WhenAllOpen, Field(strict=False), expected(" or ".join(WhenAllOpen))]
_OnMidstreamFailure = Annotated[OnMidstreamFailure, Field(strict=False), expected(" or ".join(OnMidstreamFailure))]
_RouteName = Annotated[str, name_in(lambda around: around.routes, what="the name of a route")]


class TargetTable(Table):
    """One item of `deployments` in a route: which, and its place there."""

    name: Annotated[str, name_in(lambda around: around.deployments, what="the name of a deployment")]
    weight: Weight = Field(default=1.0, description="Its share within its tier; 0 takes no requests")
    priority: Priority = Field(0, description="Its tier; the lowest number is asked first")


def _as_table(item: object) -> Any:
    match item:
        case str():
            return {"name": item}
        case dict():
            return item
        case _:
            raise wrong('expected the name of a deployment, or a table such as { name = "a", weight = 2.0 }')


_Target = Annotated[TargetTable, BeforeValidator(_as_table, json_schema_input_type=str | TargetTable)]


class RetryTable(Table):
    """`[routes.NAME.retry]`: how often a request is tried, and how long it waits in between."""

    max_attempts: Attempts = Field(
        default=_RETRY.max_attempts, description="Attempts in all, over all deployments; 1 = no retry"
    )
    initial_s: SecondsOrNone = Field(
        default=_RETRY.initial_s, description="The bound of the first wait, doubled by each"
    )
    max_s: SecondsOrNone = Field(default=_RETRY.max_s, description="The most that doubling comes to")
    max_retry_after_s: SecondsOrNone = Field(
        default=_RETRY.max_retry_after_s, description="The most Retry-After that is waited"
    )


class SummaryModelTable(Table):
    """`summary_model` of a route: who writes its reasoning summary."""

    route: _RouteName
    timeout_s: Seconds = SummaryModel(route="").timeout_s

    @field_validator("route")
    @classmethod
    def _ends_here(cls, route: str, info: ValidationInfo) -> str:
        # Also finds a route that names itself, which has a summary model by doing so.
        if route in surroundings(info).summarized_routes:
            raise wrong("expected a route that has no summary model of its own")
        return route


class RouteTable(Table):
    """`[routes.NAME]`: a public model name and what serves it."""

    deployments: Annotated[list[_Target], Field(min_length=1, description="Names, or tables with name and weight")]
    fallbacks: list[_RouteName] = Field([], description="Routes that are asked when no deployment here is left")
    strategy: _Strategy = Field(Strategy.WEIGHTED_RANDOM, description="How one deployment of a tier is chosen")
    hedge_after_s: SecondsOrNone = Field(
        default=0.0,
        description="When another is asked beside one that is slow to its first token; 0 = never",
    )
    retry: RetryTable = RetryTable()
    limits: RouteLimitsTable = RouteLimitsTable()
    when_all_open: _WhenAllOpen = Field(WhenAllOpen.FAIL_FAST, description="What follows where all circuits are open")
    on_midstream_failure: _OnMidstreamFailure = Field(
        OnMidstreamFailure.FAIL, description="What follows where a stream breaks after its first token"
    )
    prompt_summary: bool = Field(True, description="Whether callers get a summary of the prompt")
    reasoning_summary: bool = Field(True, description="Whether callers get a summary of the thoughts")
    raw_reasoning: bool = Field(True, description="Whether callers that ask for the raw thoughts get them")
    summary_model: SummaryModelTable | None = Field(None, description="Writes the summary of the thoughts")
