"""The keys of `[deployments.NAME]` and of the tables in it.

Rule: a table that has a preset beneath it changes only the keys that the file sets. The other keys of the file, and
what holds for all of them, are in `schema.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from triphase_model.effort.profile import NotAProfile

from triphase_server.config.fields import Table, expected, name_in, one_of, surroundings, wrong
from triphase_server.config.kinds import (
    Count,
    CountOrOff,
    EngineFields,
    MarkerPairs,
    MarkerText,
    ModelName,
    ProfilePath,
    RepositoryPath,
    Seconds,
    SecondsOrNone,
    SecondsOrOff,
    Share,
    ShareBelowOne,
    ShareOrOff,
    ThoughtField,
    WindowSeconds,
)
from triphase_server.config.profiles import Profiles, detection_of, effort_of
from triphase_server.config.schema_effort import EffortTable, mistakes
from triphase_server.config.schema_enforcement import EnforcementTable
from triphase_server.config.schema_messages import MessagesTable
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.detection import Channel, Detection, Marker, UnclosedPolicy
from triphase_server.core.effort_policy import EffortPolicy, on_engine
from triphase_server.core.effort_tables import Engine
from triphase_server.core.error_patterns import ANY_FAILURE
from triphase_server.core.presets import PRESETS, Preset
from triphase_server.core.route import Timeouts

_DETECTION = Detection()
_TIMEOUTS = Timeouts()
_BREAKER = BreakerPolicy()


def _error_or_any_failure(status: int) -> int:
    if status != ANY_FAILURE and not 400 <= status <= 599:
        raise ValueError
    return status


# Enumerations are written as their values; strict mode alone would want the members.
_Engine = Annotated[Engine, Field(strict=False), expected("one of " + ", ".join(Engine))]
_Channel = Annotated[Channel, Field(strict=False), expected("reasoning or output")]
_Words = Annotated[str, Field(min_length=1, max_length=200), expected("a text of 1 to 200 characters")]
_ErrorStatus = Annotated[int, Field(ge=400, le=599), expected("an HTTP status from 400 to 599")]
_AnyErrorStatus = Annotated[
    int, AfterValidator(_error_or_any_failure), expected("an HTTP status from 400 to 599, or 0 (any from 500 on)")
]
_Unclosed = Annotated[UnclosedPolicy, Field(strict=False), expected("keep or promote")]


class DetectionTable(Table):
    """`[deployments.NAME.detection]`: how thoughts are told from output; a key set here overrides the preset's."""

    fields: Annotated[list[ThoughtField], Field(max_length=32)] = Field(default=list(_DETECTION.fields))
    markers: MarkerPairs = Field(default=[[marker.open, marker.close] for marker in _DETECTION.markers])
    discard: Annotated[list[MarkerText], Field(max_length=32)] = Field(default=list(_DETECTION.discard))
    initial: _Channel = _DETECTION.initial
    unclosed: _Unclosed = _DETECTION.unclosed

    def over(self, preset: Detection) -> Detection:
        """Returns the preset with the keys of this table in place of its own."""
        own: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        own.update({name: tuple(own[name]) for name in ("fields", "discard") if name in own})
        if "markers" in own:
            own["markers"] = tuple(Marker(open=pair[0], close=pair[1]) for pair in self.markers)
        return replace(preset, **own)


class TimeoutsTable(Table):
    """`[deployments.NAME.timeouts]`: how long an attempt may take."""

    connect_s: Seconds = _TIMEOUTS.connect_s
    first_byte_s: Seconds = _TIMEOUTS.first_byte_s
    first_token_s: Seconds = _TIMEOUTS.first_token_s
    between_reasoning_s: Seconds = _TIMEOUTS.between_reasoning_s
    between_output_s: Seconds = _TIMEOUTS.between_output_s
    total_s: Seconds = _TIMEOUTS.total_s


class BreakerTable(Table):
    """`[deployments.NAME.breaker]`: when the circuit opens, and for how long; `false` turns a rule off."""

    window_s: WindowSeconds = Field(default=_BREAKER.window_s, description="How long a call counts")
    minimum_calls: Count = Field(default=_BREAKER.minimum_calls, description="The least calls that make a rate")
    failure_rate: ShareOrOff = Field(
        default=_BREAKER.failure_rate or False, description="The share of failures that opens"
    )
    consecutive_failures: CountOrOff = Field(
        default=_BREAKER.consecutive_failures or False, description="The run of failures that opens"
    )
    slow_call_s: SecondsOrOff = Field(default=_BREAKER.slow_call_s or False, description="From when on a call is slow")
    slow_call_rate: Share = Field(default=_BREAKER.slow_call_rate, description="The share of slow calls that opens")
    open_s: Seconds = Field(
        default=_BREAKER.open_s, description="How long it stays open first; doubled by failed probes"
    )
    open_max_s: Seconds = Field(default=_BREAKER.open_max_s, description="The most that doubling comes to")
    jitter: ShareBelowOne = Field(default=_BREAKER.jitter, description="The share of a wait that chance may take off")
    probe_s: Seconds = Field(
        default=_BREAKER.probe_s, description="When a probe without an outcome lets the next through"
    )
    retry_after_opens: bool = Field(default=_BREAKER.retry_after_opens, description="Whether Retry-After opens at once")
    retry_after_max_s: SecondsOrNone = Field(
        default=_BREAKER.retry_after_max_s, description="The most Retry-After that counts"
    )

    def policy(self) -> BreakerPolicy:
        """Returns the values, with what the core says where a rule is off."""
        return BreakerPolicy(
            **self.model_dump(exclude={"failure_rate", "consecutive_failures", "slow_call_s"}),
            failure_rate=self.failure_rate or None,
            consecutive_failures=self.consecutive_failures or 0,
            slow_call_s=self.slow_call_s or None,
        )


def ground(preset: str | None) -> Preset:
    """Returns what a deployment's tables lie on: a preset, or the defaults."""
    return PRESETS[preset] if preset else Preset()


class ErrorTable(Table):
    """`[[deployments.NAME.errors]]`: what an error of the engine really is."""

    contains: _Words = Field(description="A text of its body, whatever the case of its letters")
    status: _AnyErrorStatus = Field(
        default=ANY_FAILURE, description="The status that it must have; 0 = any from 500 on"
    )
    treat_as: _ErrorStatus = Field(default=400, description="The status that it is taken for")


class DeploymentTable(Table):
    """`[deployments.NAME]`: one model at one upstream."""

    upstream: Annotated[str, name_in(lambda around: around.upstreams, what="the name of an upstream")]
    model: ModelName = Field(description="The upstream's name of the model")
    engine: _Engine | None = Field(None, description="Which engine serves it: which fields of a body it reads")
    preset: Annotated[str, one_of(PRESETS, what="the name of a preset")] | None = None
    profile: ProfilePath = Field("", description="The file of the model's profile; empty = none")
    detection: DetectionTable = DetectionTable()
    messages: MessagesTable = MessagesTable()
    timeouts: TimeoutsTable = TimeoutsTable()
    breaker: BreakerTable = BreakerTable()
    extra_body: EngineFields = Field({}, description="Body fields that every request carries; those of the caller win")
    errors: Annotated[list[ErrorTable], Field(max_length=32)] = Field([], description="What errors really are")
    repository: RepositoryPath = Field(
        "", description="The folder of the model's files, which `triphase-server check` validates; empty = not said"
    )
    enforcement: EnforcementTable | None = Field(None, description="That the gateway closes thoughts, and how")

    # Last, since it is checked against all keys above.
    effort: EffortTable = EffortTable()

    @field_validator("profile")
    @classmethod
    def _can_be_read(cls, path: str, info: ValidationInfo) -> str:
        try:
            if path:
                surroundings(info).profiles.named(path)
        except NotAProfile as error:
            raise wrong(f"expected the path of a model profile; {_where(error)}", show=False) from None
        return path

    @field_validator("effort")
    @classmethod
    def _fits_the_rest(cls, effort: EffortTable, info: ValidationInfo) -> EffortTable:
        profiles = surroundings(info).profiles
        # What depends on a profile that is still to be made is told by `loading.py`.
        for key, message in (
            () if profiles.derives(info.data) else effort_mistakes(effort, info.data, profiles=profiles)
        ):
            raise wrong(message, at=(key,))
        return effort

    @field_validator("enforcement")
    @classmethod
    def _is_known_enough(cls, enforcement: EnforcementTable | None, info: ValidationInfo) -> EnforcementTable | None:
        if enforcement is not None:
            own = info.data.get("detection", DetectionTable())
            detection = detection_over(own, info.data, profiles=surroundings(info).profiles)
            enforcement.look(info.data.get("repository", ""), detection=detection)
        return enforcement


def _where(error: NotAProfile) -> str:
    return f"its {error.key}: {error.expected}" if error.key else error.expected


def effort_mistakes(
    effort: EffortTable, deployment: Mapping[str, Any], *, profiles: Profiles
) -> Iterator[tuple[str, str]]:
    """Yields the keys of the table that cannot be meant with all else, and what was expected there."""
    return mistakes(effort, effort_policy(effort, deployment, profiles=profiles))


def effort_policy(effort: EffortTable, deployment: Mapping[str, Any], *, profiles: Profiles) -> EffortPolicy:
    """Returns what a deployment can do about effort.

    Rule: lowest first: the preset, the profile, the engine, the table itself. `deployment` holds the other keys of the
    deployment, as far as they are valid.
    """
    preset = deployment.get("preset")
    policy = effort_of(profiles.of(deployment), ground(preset).effort, has_preset=preset is not None)
    if engine := deployment.get("engine"):
        policy = on_engine(policy, engine, extra_body=deployment.get("extra_body", {}))
    standing = deployment.get("extra_body", {})
    return effort.over(replace(policy, standing=standing, enforces=deployment.get("enforcement") is not None))


def detection_over(own: DetectionTable, deployment: Mapping[str, Any], *, profiles: Profiles) -> Detection:
    """Returns how thoughts are told from output: the table, over the profile, over the preset."""
    preset = deployment.get("preset")
    known = detection_of(profiles.of(deployment), ground(preset).detection, has_preset=preset is not None)
    return own.over(known)
