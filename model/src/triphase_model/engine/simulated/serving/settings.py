"""Every knob of the simulated engine, as a profile or a configuration file sets it.

Its rule: frozen values that a TOML table becomes at once; a wrong key or value is an error that names its place.
Durations are float seconds and their names end in `_s`. The sets of values that have names are `profiles.py`.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from triphase_model.engine.simulated.faults import Fault

Seconds = Annotated[float, Meta(ge=0, le=86400)]
Positive = Annotated[float, Meta(gt=0, le=86400)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=1 << 30)]
Name = Annotated[str, Meta(pattern=r"^[ -~]{1,128}$")]


class TimeMode(StrEnum):
    """Whether time passes between tokens: as the settings say, or not at all."""

    REAL = "real"
    NULL = "null"


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of settings."""


class Paced(_Table, frozen=True, kw_only=True, tag_field="kind", tag="paced"):
    """Each request on its own, whatever else runs: the first token after `first_s`, then one each `token_s`."""

    first_s: Seconds = 0.05
    prefill_token_s: Seconds = 0.0  # more for each token of the prompt that no cache holds
    token_s: Seconds = 0.02


class Steps(_Table, frozen=True, kw_only=True, tag_field="kind", tag="steps"):
    """Continuous batching: in each step every running request makes a token, and prompts are read in what is left.

    A step lasts `step_s`, and more for each request that makes a token, for each token of their contexts, and for each
    token of a prompt that it reads.
    """

    step_s: Positive = 0.008
    sequence_s: Seconds = 0.00002
    context_token_s: Seconds = 4e-8
    prefill_token_s: Seconds = 0.00003
    max_sequences: Count = 256
    max_batched_tokens: Count = 8192  # of one step: tokens made and tokens of prompts read
    memory_tokens: Count = 400_000  # contexts of all running requests together
    max_waiting: Count = 100_000  # beyond it: status 503


class Queue(_Table, frozen=True, kw_only=True, tag_field="kind", tag="queue"):
    """A queue as textbooks have it: `servers` places, first come, first served.

    The first chunk comes when service begins and the last when it ends, so that TTFT is the time in the queue. An
    answer of one chunk comes when service ends.
    """

    servers: Count = 1
    service_s: Positive = 0.1  # its mean
    service: Literal["exponential", "constant"] = "exponential"


class Jitter(_Table, frozen=True, kw_only=True):
    """By how much a time varies: a factor with mean 1 and the coefficient of variation `cv`."""

    kind: Literal["none", "lognormal", "gamma", "uniform", "exponential"] = "none"
    cv: Annotated[float, Meta(ge=0, le=3)] = 0.1


class Weather(_Table, frozen=True, kw_only=True):
    """How the whole engine changes with time.

    All durations grow by `drift_per_hour` of themselves, and by noise with the standard deviation `noise_sd` (of the
    logarithm) that is drawn anew each `noise_every_s` and resembles the one before it by `noise_correlation`, as an
    AR(1) process.
    """

    drift_per_hour: Annotated[float, Meta(ge=-0.99, le=10)] = 0.0
    noise_sd: Annotated[float, Meta(ge=0, le=1)] = 0.0
    noise_correlation: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    noise_every_s: Positive = 1.0


class Stalls(_Table, frozen=True, kw_only=True):
    """Times in which nothing at all goes on: the first `first_s` after the start, `length_s` long, then each `every_s`.

    `length_s` 0 is none, `every_s` 0 only the first.
    """

    first_s: Seconds = 0.0
    length_s: Seconds = 0.0
    every_s: Seconds = 0.0

    def __post_init__(self) -> None:
        """Checks that time remains between them."""
        if self.every_s and self.every_s <= self.length_s:
            raise ValueError("`every_s` must be longer than `length_s`")


class Chunking(_Table, frozen=True, kw_only=True):
    """How many tokens a chunk holds: `tokens` of them, or geometrically distributed with this mean.

    `first` bundles so many into the first chunk. `speculative` makes a whole chunk in the time of one token.
    """

    tokens: Annotated[float, Meta(ge=1, le=1024)] = 1
    spread: Literal["fixed", "geometric"] = "fixed"
    first: Annotated[int, Meta(ge=1, le=4096)] | None = None
    speculative: bool = False

    def __post_init__(self) -> None:
        """Checks that a fixed number is whole."""
        if self.spread == "fixed" and self.tokens != int(self.tokens):
            raise ValueError("a fixed number of `tokens` must be whole")


class Lengths(_Table, frozen=True, kw_only=True):
    """How long answers are where the request does not say: lognormal, with these means, both with the variation `cv`.

    `reasoning` of the tokens are thoughts, unless the request turns thinking off; `output` follow them.
    """

    reasoning: Annotated[int, Meta(ge=0, le=1 << 20)] = 128
    output: Count = 256
    cv: Annotated[float, Meta(ge=0, le=3)] = 0.5


class Cache(_Table, frozen=True, kw_only=True):
    """The prefix cache: whole blocks of prompts, forgotten longest unused first."""

    enabled: bool = True
    block_tokens: Annotated[int, Meta(ge=1, le=4096)] = 16
    capacity_tokens: Count = 200_000


class Wire(_Table, frozen=True, kw_only=True):
    """What answers look like."""

    # Which chunk names the role: one of its own as soon as the request is there, or right before the first token; the
    # first token's; none.
    role: Literal["early", "own", "joined", "absent"] = "own"
    early_head: bool = True  # whether the response's head comes before the first token
    reasoning: Literal["reasoning", "reasoning_content", "inline", "hidden"] = "reasoning"
    # `final` and `null` (which says `"usage":null` before) only where the request asks; `every` always.
    usage: Literal["none", "final", "null", "every"] = "final"
    reasoning_details: bool = False  # whether usage tells the tokens of thoughts
    cached_details: bool = True  # whether usage tells the tokens that a cache held
    continuous_usage: bool = True  # whether `continuous_usage_stats` is honoured
    ignore_eos: bool = True  # whether `ignore_eos` is honoured
    empty_content: Literal["text", "null"] = "text"  # the content of a chunk that only names the role
    done: bool = True  # whether `[DONE]` comes
    line_end: Literal["lf", "crlf"] = "lf"
    comment_every: Annotated[int, Meta(ge=0)] = 0  # a comment before each so many chunks; 0: none
    heartbeat_s: Seconds = 0.0  # a comment after so long a silence; 0: none
    pieces: Annotated[int, Meta(ge=1, le=64)] = 1  # writes that one event is cut into, anywhere
    events_per_write: Annotated[int, Meta(ge=1, le=1024)] = 1  # chunks that wait for each other
    unicode: bool = False  # whether words have letters of several bytes


class FaultShare(_Table, frozen=True, kw_only=True):
    """A fault that befalls this share of requests, drawn by seed and request."""

    share: Share
    fault: Fault


class Settings(_Table, frozen=True, kw_only=True):
    """A whole simulated engine. `server` and `version` are what it says of itself."""

    model: Name = "simulated"
    server: Name = "triphase-simulated"
    version: Name = "simulated"
    seed: int = 0
    context_length: Count = 131_072
    startup_s: Seconds = 0.0  # answers 503 so long
    tokens_per_message: Annotated[int, Meta(ge=0, le=64)] = 4  # what a chat template adds
    timing: Paced | Steps | Queue = Paced()
    jitter: Jitter = Jitter()
    weather: Weather = Weather()
    stalls: Stalls = Stalls()
    chunking: Chunking = Chunking()
    lengths: Lengths = Lengths()
    cache: Cache = Cache()
    wire: Wire = Wire()
    faults: tuple[FaultShare, ...] = ()
