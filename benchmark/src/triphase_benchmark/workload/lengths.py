"""Distributions of numbers of tokens: how they are written, and what they give for a number between 0 and 1.

Its rule: one number of chance for each length, whatever the distribution, so that no length moves another. Bounds cut
a distribution off; they do not pile up at their ends what lies beyond.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtr, ndtri

from triphase_benchmark.plan.problems import BadInput

FORMS = (
    "512, uniform:128:512, normal:512:64 or lognormal:512:0.6, the latter two with bounds as in normal:512:64:256:768"
)
MOST_TOKENS = 2_000_000


class Kind(StrEnum):
    """The distributions, by the names that users write."""

    FIXED = "fixed"
    UNIFORM = "uniform"
    NORMAL = "normal"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """A distribution of whole numbers from `least` to `most`.

    `centre` is the mean of a normal one and the median of a lognormal one; `spread` the standard deviation, of the
    logarithm in a lognormal one.
    """

    kind: Kind
    least: int = 1
    most: int = MOST_TOKENS
    centre: float = 0.0
    spread: float = 0.0

    def at(self, chance: float) -> int:
        """The length below which the share `chance` of all lengths lies."""
        return min(max(_QUANTILES[self.kind](self, chance), self.least), self.most)


def fixed(tokens: int) -> Lengths:
    """Always this many."""
    return Lengths(kind=Kind.FIXED, least=tokens, most=tokens)


def lengths_of(text: str, flag: str) -> Lengths:
    """The distribution that the text of `flag` means.

    Raises:
        BadInput: It is none.
    """
    kind, *numbers = text.split(":")
    if not numbers:
        kind, numbers = Kind.FIXED, [text]
    if kind not in _READERS:
        raise BadInput(f"{flag} {text!r} is no number of tokens: it takes {FORMS}")
    try:
        return _READERS[Kind(kind)](*numbers)
    except (TypeError, ValueError):
        raise BadInput(f"{flag} {text!r} is no number of tokens: it takes {FORMS}") from None


def _fixed_of(tokens: str) -> Lengths:
    return fixed(_tokens(tokens))


def _uniform_of(least: str, most: str) -> Lengths:
    return _bounded(Lengths(kind=Kind.UNIFORM, least=_tokens(least), most=_tokens(most)))


def _normal_of(mean: str, deviation: str, least: str = "1", most: str = str(MOST_TOKENS)) -> Lengths:
    return _spread(Kind.NORMAL, mean, deviation, least, most)


def _lognormal_of(median: str, sigma: str, least: str = "1", most: str = str(MOST_TOKENS)) -> Lengths:
    return _spread(Kind.LOGNORMAL, median, sigma, least, most)


def _spread(kind: Kind, centre: str, spread: str, least: str, most: str) -> Lengths:
    made = _bounded(
        Lengths(kind=kind, least=_tokens(least), most=_tokens(most), centre=float(centre), spread=float(spread))
    )
    if not (1 <= made.centre <= MOST_TOKENS and 0 < made.spread <= MOST_TOKENS):
        raise ValueError(centre)
    return made


def _bounded(made: Lengths) -> Lengths:
    if made.least > made.most:
        raise ValueError(made.least)
    return made


def _tokens(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_TOKENS):
        raise ValueError(text)
    return int(text)


def _uniform(lengths: Lengths, chance: float) -> int:
    return lengths.least + int(chance * (lengths.most - lengths.least + 1))


def _normal(lengths: Lengths, chance: float) -> int:
    low, high = lengths.least - 0.5, lengths.most + 0.5
    return round(lengths.centre + lengths.spread * _cut(chance, *(_scaled(lengths, x) for x in (low, high))))


def _lognormal(lengths: Lengths, chance: float) -> int:
    low, high = (
        math.log(bound / lengths.centre) / lengths.spread for bound in (lengths.least - 0.5, lengths.most + 0.5)
    )
    return round(lengths.centre * math.exp(lengths.spread * _cut(chance, low, high)))


def _scaled(lengths: Lengths, bound: float) -> float:
    return (bound - lengths.centre) / lengths.spread


def _cut(chance: float, low: float, high: float) -> float:
    """A standard normal number between two bounds."""
    # On the upper side of the distribution all digits would be lost in 1 - tiny.
    if low > 0:
        return -_cut(1 - chance, -high, -low)
    below = ndtr(low)
    return min(max(float(ndtri(below + chance * (ndtr(high) - below))), low), high)


_READERS: Mapping[str, Callable[..., Lengths]] = {
    Kind.FIXED: _fixed_of,
    Kind.UNIFORM: _uniform_of,
    Kind.NORMAL: _normal_of,
    Kind.LOGNORMAL: _lognormal_of,
}
_QUANTILES: Mapping[Kind, Callable[[Lengths, float], int]] = {
    Kind.FIXED: lambda lengths, _: lengths.least,
    Kind.UNIFORM: _uniform,
    Kind.NORMAL: _normal,
    Kind.LOGNORMAL: _lognormal,
}
