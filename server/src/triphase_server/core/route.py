"""What an operator configures, as frozen values: routes, their deployments, and how long each step may take.

Made by `config/loading.py` from the configuration file; how an upstream is reached is `upstream/settings.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.detection import Detection
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.effort_tables import Engine
from triphase_server.core.enforcement import Enforcement
from triphase_server.core.error_patterns import ErrorPattern
from triphase_server.core.normalization import AS_GIVEN, Normalization
from triphase_server.core.request import Effort
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.routing import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long an attempt may take, in seconds.

    `first_byte_s` and `first_token_s` count from the attempt's start: to the response's head, and to the first thought,
    output or tool call. The two between chunks count from the last byte, whatever it was: while the model thinks (also
    before its first token), and from its first output on. `total_s` bounds the whole request, all attempts together.
    """

    connect_s: float = 5.0
    first_byte_s: float = 300.0
    first_token_s: float = 600.0
    between_reasoning_s: float = 120.0
    between_output_s: float = 120.0
    total_s: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One model at one upstream; `name` is the operator's, `model` the upstream's name of the model.

    `messages` says how conversations are put for its chat template. `extra_body` holds fields that every request to
    this deployment carries; those of the caller win. `errors` say what errors of this upstream really are, and
    `repository` is the folder of the model's files and `profile` the file of its profile, empty where it is not said.
    `enforcement` is how the gateway closes the model's thoughts; `None` = it cannot.
    """

    name: str
    upstream: str
    model: str
    detection: Detection = Detection()
    effort: EffortPolicy = EffortPolicy()
    messages: Normalization = AS_GIVEN
    timeouts: Timeouts = Timeouts()
    breaker: BreakerPolicy = BreakerPolicy()
    extra_body: Mapping[str, object] = field(default_factory=dict)
    errors: tuple[ErrorPattern, ...] = ()
    repository: str = ""
    engine: Engine | None = None
    profile: str = ""
    enforcement: Enforcement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryModel:
    """The route that writes reasoning summaries, and how long each part may take before the local one stands in."""

    route: str
    timeout_s: float = 3.0


class WhenAllOpen(StrEnum):
    """What becomes of a request while the circuits of all its deployments are open.

    `fail_fast`: an error that says when to come back. `try_soonest`: it waits for the circuit that may be probed first,
    as long as its deadline allows.
    """

    FAIL_FAST = "fail_fast"
    TRY_SOONEST = "try_soonest"


class OnMidstreamFailure(StrEnum):
    """What becomes of a stream that breaks after its first token had come.

    `fail`: an error that says so. `restart`: what came is voided by `restarted` and another attempt begins, where the
    request accepts that; else it fails.
    """

    FAIL = "fail"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A deployment's place in a route: the lowest `priority` number is asked first, `weight` shares out within it."""

    deployment: Deployment
    weight: float = 1.0
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A public model name and what serves it.

    `targets` is never empty; `fallbacks` names the routes whose targets are asked when none of these is left. The
    switches turn off what a route does not show: a summary made of the thoughts' own words shows some of them.
    """

    name: str
    targets: tuple[Target, ...]
    fallbacks: tuple[str, ...] = ()
    strategy: Strategy = Strategy.WEIGHTED_RANDOM
    hedge_after_s: float = 0.0
    retry: RetryPolicy = RetryPolicy()
    when_all_open: WhenAllOpen = WhenAllOpen.FAIL_FAST
    on_midstream_failure: OnMidstreamFailure = OnMidstreamFailure.FAIL
    prompt_summary: bool = True
    reasoning_summary: bool = True
    raw_reasoning: bool = True
    summary_model: SummaryModel | None = None

    @property
    def primary(self) -> Deployment:
        """The deployment that is asked while all is well: the first of the lowest priority number that has a weight."""
        weighty = [target for target in self.targets if target.weight > 0] or self.targets
        return min(weighty, key=lambda target: target.priority).deployment

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that at least one of the route's deployments can give, in rising order."""
        supported = {effort for target in self.targets for effort in target.deployment.effort.efforts}
        return tuple(effort for effort in Effort if effort in supported)

    @property
    def reasons(self) -> bool:
        """Whether thoughts of at least one of the route's deployments can be detected."""
        return any(target.deployment.detection.detects for target in self.targets)

    @property
    def bounds_reasoning(self) -> bool:
        """Whether at least one of the route's deployments can hold a bound on reasoning tokens."""
        return any(target.deployment.effort.bounds for target in self.targets)
