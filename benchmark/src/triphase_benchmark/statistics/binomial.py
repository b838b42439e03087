"""How surely a share is known that was counted, and how many successes chance allows."""

from scipy.stats import beta, binom


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


def likely_counts(share: float, trials: int, confidence: float = 0.999) -> tuple[int, int]:
    """Returns the least and the most successes that chance alone brings about, if the true share is this one."""
    tail = (1 - confidence) / 2
    return int(binom.ppf(tail, trials, share)), int(binom.ppf(1 - tail, trials, share))
