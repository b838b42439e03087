"""How surely a share is known that was counted, and how many successes chance allows.

Its rule: of scipy only `special` is loaded, in all of the benchmark: `stats` takes a second, which every command would
wait for. That both say the same is what the tests hold.
"""

from math import ceil, sqrt

from scipy.special import bdtr, bdtrik, betaincinv, ndtri


def at_most(successes: int, trials: int, share: float) -> float:
    """Returns the probability of so many successes or fewer."""
    return 1.0 if successes >= trials else float(bdtr(successes, trials, share)) if successes >= 0 else 0.0


def quantile(probability: float, trials: int, share: float) -> int:
    """Returns the least number of successes that is not exceeded with this probability, above 0 and below 1."""
    if not 0 < share < 1 or not trials:
        return trials if share >= 1 else 0
    near = ceil(float(bdtrik(probability, trials, share)))
    return near - 1 if near > 0 and at_most(near - 1, trials, share) >= probability else near


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns an interval of a share which holds at least its confidence, however small the sample.

    Raises:
        ValueError: If there was no trial, or there were more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials")
    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns Wilson's interval of a share: its confidence is met on average, and it is never wider than it must be.

    Raises:
        ValueError: If there was no trial, or there were more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials")
    share, z = successes / trials, float(-ndtri((1 - confidence) / 2))
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    width = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(0.0, centre - width), min(1.0, centre + width)


def likely_counts(share: float, trials: int, confidence: float = 0.999) -> tuple[int, int]:
    """Returns the least and the most successes that chance alone brings about, if the true share is this one."""
    tail = (1 - confidence) / 2
    return quantile(tail, trials, share), quantile(1 - tail, trials, share)
