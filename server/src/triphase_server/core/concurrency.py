"""How many requests may run at once: a fixed number, or one that follows what the upstream bears.

Rule: `in_flight` never grows beyond the limit; a limit that falls below it ends nothing, it only lets nobody in until
enough have left. An adaptive limit stays between its bounds and grows only while it is used. Who waits, and for how
long, is the service's queue; how much per minute is `rates.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, sqrt
from typing import TypeAlias, assert_never

from triphase_server.core.errors import Stage, UpstreamOverloaded, UpstreamRateLimited, UpstreamTimeout


class LoadOutcome(StrEnum):
    """What a finished request says about the upstream's load."""

    SUCCESS = "success"
    OVERLOADED = "overloaded"
    IGNORED = "ignored"


_SIGNS_OF_OVERLOAD = (UpstreamOverloaded, UpstreamRateLimited)


def load_outcome(error: BaseException | None) -> LoadOutcome:
    """Returns what the end of a request says; None is success. Other failures, and cancels, say nothing about load."""
    if error is None:
        return LoadOutcome.SUCCESS
    waited = isinstance(error, UpstreamTimeout) and error.stage in {Stage.FIRST_BYTE, Stage.FIRST_TOKEN}
    return LoadOutcome.OVERLOADED if waited or isinstance(error, _SIGNS_OF_OVERLOAD) else LoadOutcome.IGNORED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Always the same limit; 0 lets nobody in."""

    limit: int

    def __post_init__(self) -> None:
        """Raises ValueError where the limit is below 0."""
        if self.limit < 0:
            raise ValueError("limit must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimd:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989; RFC 5681, 3.1), led by signs of overload alone.

    Attributes:
        initial: The limit at the start, within the bounds.
        min_limit: The lower bound, at least 1.
        max_limit: The upper bound.
        decrease: What the limit is multiplied by at a sign of overload.
        cooldown_s: At most one decrease in this time: the requests that ran together fail together, and are one sign.
    """

    initial: int
    min_limit: int = 1
    max_limit: int
    decrease: float = 0.7
    cooldown_s: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError where the limit could leave its bounds, or never move."""
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """Led by latency as well: the limit shrinks as latency rises above what it is without load.

    After the gradient limits of Netflix's concurrency-limits and Envoy's adaptive concurrency filter. As in the latter,
    latency without load has to be learnt with little load: the base rises only while less than half of the limit is
    used, or the limit is at its lower bound. So a lasting overload cannot pass for the new normal, and an upstream that
    became slower for good is learnt anew. Latency is the time to first token: that of whole streams is their length.

    Attributes:
        initial: The limit at the start, within the bounds.
        min_limit: The lower bound, at least 1: so few that they cannot make a queue.
        max_limit: The upper bound.
        tolerance: How many times the base latency counts as no queueing yet; prompts differ, so well above 1.
        smoothing: How much of each correction is made, in (0, 1].
        window_s: The shortest time between two corrections.
        min_samples: Requests that each correction needs.
        decrease, cooldown_s: What follows a sign of overload, as for `Aimd`.
    """

    initial: int
    min_limit: int = 4
    max_limit: int
    tolerance: float = 2.0
    smoothing: float = 0.2
    window_s: float = 1.0
    min_samples: int = 10
    decrease: float = 0.7
    cooldown_s: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError where the limit could leave its bounds, or never move."""
        _check(self)
        if not (self.tolerance >= 1 and 0 < self.smoothing <= 1 and self.window_s >= 0 and self.min_samples >= 1):
            raise ValueError(
                "tolerance and min_samples must be at least 1, smoothing within (0, 1], window_s 0 or more"
            )


Adaptive: TypeAlias = Aimd | Gradient
LimitRule: TypeAlias = Fixed | Adaptive


def _check(rule: "Adaptive") -> None:
    if not 1 <= rule.min_limit <= rule.initial <= rule.max_limit:
        raise ValueError("limits must be 1 <= min_limit <= initial <= max_limit")
    if not (0 < rule.decrease < 1 and rule.cooldown_s >= 0):
        raise ValueError("decrease must be within (0, 1), and cooldown_s 0 or more")


class ConcurrencyLimit:
    """The limit of one upstream, or of one process, and how many run within it; `now` is seconds, monotonic."""

    def __init__(self, rule: LimitRule) -> None:
        self._law = _law(rule)
        self._in_flight = 0

    @property
    def limit(self) -> int:
        """How many may run at once, at this moment."""
        return int(self._law.value)

    @property
    def in_flight(self) -> int:
        """How many run. More than the limit only where the limit has fallen since."""
        return self._in_flight

    def acquire(self) -> bool:
        """Lets one in; False, and nobody let in, where the limit is reached. Each one let in must be released once."""
        if self._in_flight >= self.limit:
            return False
        self._in_flight += 1
        return True

    def take_over(self, in_flight: int) -> None:
        """Counts those in who were let in before this limit was; beyond the limit, they are not ended."""
        self._in_flight += in_flight

    def release(self, outcome: LoadOutcome, *, latency_s: float, now: float) -> None:
        """Lets one out. `latency_s` is its time to first token in seconds, used where the outcome is success."""
        assert self._in_flight > 0, "a release without an acquire"
        if outcome is not LoadOutcome.IGNORED:
            self._law.learn(outcome, latency_s, in_flight=self._in_flight, now=now)
        self._in_flight -= 1


class _FixedLaw:
    def __init__(self, rule: Fixed) -> None:
        self.value: float = rule.limit

    def learn(self, _outcome: LoadOutcome, _latency_s: float, *, in_flight: int, now: float) -> None:
        pass


class _Cut:
    """The decrease that both adaptive laws share: at most one in each cooldown."""

    def __init__(self, rule: Adaptive) -> None:
        self._rule = rule
        self._allowed_at = -inf

    def after(self, value: float, now: float) -> float:
        if now < self._allowed_at:
            return value
        self._allowed_at = now + self._rule.cooldown_s
        return max(self._rule.min_limit, value * self._rule.decrease)


class _AimdLaw:
    def __init__(self, rule: Aimd) -> None:
        self.value: float = rule.initial
        self._rule = rule
        self._cut = _Cut(rule)

    def learn(self, outcome: LoadOutcome, _latency_s: float, *, in_flight: int, now: float) -> None:
        # About 1 more each time that the whole limit was used once; to grow unused would be a guess (RFC 7661).
        if outcome is LoadOutcome.OVERLOADED:
            self.value = self._cut.after(self.value, now)
        elif in_flight * 2 >= self.value:
            self.value = min(self._rule.max_limit, self.value + 1.0 / self.value)


class _Window:
    """The samples between two corrections; the first came at `since`."""

    def __init__(self) -> None:
        self.samples = 0
        self.peak = 0
        self.since = 0.0
        self._sum_s = 0.0

    def add(self, latency_s: float, *, in_flight: int, now: float) -> None:
        if not self.samples:
            self.since = now
        self.samples += 1
        self.peak = max(self.peak, in_flight)
        self._sum_s += latency_s

    @property
    def mean_s(self) -> float:
        return max(self._sum_s / self.samples, 1e-6)


class _GradientLaw:
    # How fast the base latency follows a window: down is believed soon, up slowly, but at the lower bound at once.
    _FALL, _RISE, _RISE_AT_MIN = 0.3, 0.1, 0.5

    def __init__(self, rule: Gradient) -> None:
        self.value: float = rule.initial
        self._rule = rule
        self._cut = _Cut(rule)
        self._base_s = 0.0  # 0 until known
        self._window = _Window()

    def learn(self, outcome: LoadOutcome, latency_s: float, *, in_flight: int, now: float) -> None:
        if outcome is LoadOutcome.OVERLOADED:
            self.value = self._cut.after(self.value, now)
            self._window = _Window()  # the samples belong to the limit before
            return
        window = self._window
        window.add(latency_s, in_flight=in_flight, now=now)
        if window.samples >= self._rule.min_samples and now - window.since >= self._rule.window_s:
            self._correct(window)
            self._window = _Window()

    def _correct(self, window: _Window) -> None:
        used = window.peak * 2 >= self.value
        self._learn_base(window.mean_s, used=used)
        if not used:
            return
        gradient = max(0.5, self._rule.tolerance * self._base_s / window.mean_s)
        step = sqrt(self.value) if gradient >= 1 else self.value * (gradient - 1)  # a root suits small limits and large
        value = self.value + step * self._rule.smoothing
        self.value = min(self._rule.max_limit, max(self._rule.min_limit, value))

    def _learn_base(self, latency_s: float, *, used: bool) -> None:
        if not self._base_s:
            self._base_s = latency_s
        elif latency_s < self._base_s:
            self._base_s += (latency_s - self._base_s) * self._FALL
        elif self.value <= self._rule.min_limit:
            self._base_s += (latency_s - self._base_s) * self._RISE_AT_MIN
        elif not used:
            self._base_s += (latency_s - self._base_s) * self._RISE


def _law(rule: LimitRule) -> _FixedLaw | _AimdLaw | _GradientLaw:
    match rule:
        case Fixed():
            return _FixedLaw(rule)
        case Aimd():
            return _AimdLaw(rule)
        case Gradient():
            return _GradientLaw(rule)
        case _:
            assert_never(rule)


def divided(limit: int, *, workers: int) -> tuple[int, ...]:
    """Returns the limit of each of `workers` processes that count apart.

    Their sum is the limit, they differ by 1 at most, and each is at least 1 where the limit is at least `workers`; with
    a smaller limit some processes get 0 and refuse everything, which a configuration should not ask for.
    """
    share, rest = divmod(limit, workers)
    return tuple(share + (worker < rest) for worker in range(workers))
