"""The text of `--slo`: `ttft=500ms,tpot=30ms`, and what it bounds.

Its rule: a bound is a measure's most, with its unit. Which measures can be bounded is `metrics/latencies.py`.
"""

import re

from triphase_benchmark.metrics.latencies import BOUNDED
from triphase_benchmark.plan.problems import BadInput

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_BOUND = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)", re.ASCII)


def slos_of(text: str) -> dict[str, float]:
    """The bounds of a text in seconds, by measure. Raises BadInput."""
    bounds: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in BOUNDED:
            raise BadInput(f"--slo {text!r}: {name!r} is no measure that can be bounded: it takes {', '.join(BOUNDED)}")
        match = _BOUND.fullmatch(value)
        if match is None or not float(match[1]) > 0:
            raise BadInput(f"--slo {text!r}: {value!r} is no time, as in ttft=500ms,tpot=30ms")
        if name in bounds:
            raise BadInput(f"--slo {text!r} bounds {name} twice")
        bounds[name] = float(match[1]) * _UNITS_S[match[2]]
    return bounds
