"""Where all chance of a plan comes from: streams of numbers, each known by the seed and by what it is for.

Its rule: two purposes never share a stream, and no stream moves because another is read more or less. Hence other
lengths leave the arrivals as they are, and round 9 can be made without the rounds before it.

Only the raw bits come from numpy: its policy (NEP 19) keeps those of a bit generator for ever, but not what
`Generator` makes of them. Distributions are therefore inverse functions of uniforms, here and in `arrivals.py`.
"""

from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")
_AT_ONCE = 64


class Purpose(IntEnum):
    """What a stream is for. A number never changes its meaning, since that would change every plan."""

    ARRIVALS = 0
    LENGTHS = 1
    PROMPTS = 2
    ORDER = 3
    PREFIXES = 4
    TURNS = 5
    CELLS = 6
    EFFORT = 7


class Chance:
    """One stream. `key` says which: what it is for, then the round, the request or whatever it belongs to."""

    def __init__(self, seed: int, purpose: Purpose, *key: int) -> None:
        # A spawn key is what `SeedSequence.spawn` would give, without having to spawn all the children before.
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(purpose), *key)))
        self._ready: list[int] = []

    def uniforms(self, count: int) -> NDArray[np.float64]:
        """Returns `count` numbers strictly between 0 and 1."""
        raw: NDArray[np.uint64] = self._bits.random_raw(count)
        return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52

    def uniform(self) -> float:
        """One number strictly between 0 and 1."""
        return ((self._raw() >> 12) + 0.5) * 2.0**-52

    def below(self, limit: int) -> int:
        """A whole number from 0 on, below `limit`. Limits far below 2^32 leave each as likely as the others."""
        return (self._raw() >> 32) * limit >> 32

    def between(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        return least + self.below(most - least + 1)

    def one_of(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[self.below(len(choices))]

    def shuffled(self, items: Sequence[_T]) -> list[_T]:
        """All of them in a random order."""
        return [items[i] for i in np.argsort(self.uniforms(len(items)), kind="stable")]

    def _raw(self) -> int:
        if not self._ready:
            self._ready = self._bits.random_raw(_AT_ONCE).tolist()
        return self._ready.pop()


def cell_seed(seed: int, cell: int) -> int:
    """The seed of one cell of a sweep. Cells have no prompt in common, or the later ones would hit the prefix cache."""
    state = np.random.SeedSequence(seed, spawn_key=(int(Purpose.CELLS), cell)).generate_state(1, np.uint64)
    return int(state[0])


def tag(*key: int | str) -> str:
    """Ten letters and digits that stand for `key`, to begin texts that must not begin alike."""
    digest = int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big")
    letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that looks like another
    written = "".join(letters[(digest >> 5 * i) % 32] for i in range(10))
    return f"{written[:5]}-{written[5:]}"
