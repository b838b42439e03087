"""How surely a share is known that was counted, and how many successes chance allows."""

from math import sqrt

from scipy.stats import beta, binom, norm


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns an interval of a share which holds at least its confidence, however small the sample.

    Raises:
        ValueError: If there was no trial, or there were more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns Wilson's interval of a share: its confidence is met on average, and it is never wider than it must be.

    Raises:
        ValueError: If there was no trial, or there were more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials")
    share, z = successes / trials, float(norm.isf((1 - confidence) / 2))
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    width = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(0.0, centre - width), min(1.0, centre + width)


def likely_counts(share: float, trials: int, confidence: float = 0.999) -> tuple[int, int]:
    """Returns the least and the most successes that chance alone brings about, if the true share is this one."""
    tail = (1 - confidence) / 2
    return int(binom.ppf(tail, trials, share)), int(binom.ppf(1 - tail, trials, share))
