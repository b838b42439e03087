"""Chance by key: every draw belongs to a seed and to what it is drawn for, so that it can be drawn again elsewhere.

Its rule: no draw depends on the order in which requests come. Which request a draw is for is its key (`request.py`).
"""

import math
from hashlib import blake2b
from random import Random

from triphase_model.engine.simulated.serving.settings import Chunking, Jitter, Lengths, Weather

_NS = 1e9
_HOUR_NS = 3600e9


def drawer(seed: int, *key: str) -> Random:
    """The stream of draws of a key."""
    digest = blake2b("\x1f".join((str(seed), *key)).encode(errors="surrogatepass"), digest_size=16).digest()
    return Random(int.from_bytes(digest))  # noqa: S311 - it is to be repeatable, not secret


def factor(random: Random, jitter: Jitter) -> float:
    """One factor by which a duration varies; its mean is 1."""
    cv = jitter.cv
    match jitter.kind:
        case "lognormal" if cv:
            return lognormal(random, 1.0, cv)
        case "gamma" if cv:
            return random.gammavariate(1 / cv**2, cv**2)
        case "uniform":
            # Not below 0, which a wide one would reach.
            half = min(cv * math.sqrt(3), 1.0)
            return random.uniform(1 - half, 1 + half)
        case "exponential":
            return random.expovariate(1.0)
        case _:
            return 1.0


def lognormal(random: Random, mean: float, cv: float) -> float:
    """A draw of the lognormal distribution with this mean and coefficient of variation."""
    variance = math.log1p(cv * cv)
    return mean * math.exp(random.gauss(-variance / 2, math.sqrt(variance)))


def natural_lengths(random: Random, lengths: Lengths) -> tuple[int, int]:
    """How many tokens of thoughts and of output an answer would have by itself; at least one of output."""
    drawn = lognormal(random, 1.0, lengths.cv) if lengths.cv else 1.0
    return round(lengths.reasoning * drawn), max(1, round(lengths.output * drawn))


def chunk_sizes(random: Random, chunking: Chunking, tokens: int, *, first: bool) -> list[int]:
    """Deals tokens to chunks; `first` where the first of them is the answer's first."""
    sizes: list[int] = []
    left = tokens
    while left:
        if first and not sizes and chunking.first is not None:
            size = chunking.first
        elif chunking.spread == "fixed":
            size = int(chunking.tokens)
        else:
            size = _geometric(random, chunking.tokens)
        sizes.append(min(size, left))
        left -= sizes[-1]
    return sizes


def _geometric(random: Random, mean: float) -> int:
    if mean <= 1:
        return 1
    return 1 + int(math.log(1 - random.random()) / math.log(1 - 1 / mean))


class Climate:
    """The factor of the whole engine at a time: drift, and noise that remembers itself. Asked with rising times."""

    def __init__(self, weather: Weather, *, seed: int, start_ns: int) -> None:
        self._weather = weather
        self._start_ns = start_ns
        self._random = drawer(seed, "weather")
        self._level = self._random.gauss(0.0, 1.0)
        self._place = 0

    def at(self, now_ns: int) -> float:
        """By how much durations that begin now differ from the settings'."""
        weather = self._weather
        if not weather.drift_per_hour and not weather.noise_sd:
            return 1.0
        elapsed_ns = max(0, now_ns - self._start_ns)
        self._reach(int(elapsed_ns / (weather.noise_every_s * _NS)))
        drift = max(0.01, 1 + weather.drift_per_hour * elapsed_ns / _HOUR_NS)
        # Half of the variance is taken off, so that the mean of the factor is the drift alone.
        return drift * math.exp(weather.noise_sd * self._level - weather.noise_sd**2 / 2)

    def _reach(self, place: int) -> None:
        rho = self._weather.noise_correlation
        fresh = math.sqrt(1 - rho * rho)
        while self._place < place:
            self._level = rho * self._level + fresh * self._random.gauss(0.0, 1.0)
            self._place += 1
