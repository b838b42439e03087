"""How much of the proofs is run: a small cut in every test run, all of it where `TRIPHASE_EFFORTS` is `full`."""

from collections.abc import Mapping

VARIABLE = "TRIPHASE_EFFORTS"
# One of so many sums is asked.
SMALL = 34
FULL = 1


def is_full(environ: Mapping[str, str]) -> bool:
    """Returns whether the environment asks for all of it."""
    return environ.get(VARIABLE) == "full"
