"""The prefix caches of a run's engines: emptied before each leg where an engine can, parted by a salt where it can.

Its rule: no leg finds what another has left, since all engines of a round get the same prompts, and two of them may be
one server under two names. The salt is unlike that of any other leg, and of any other run of the same seed. What was
done is told for each engine; where nothing can be, and another engine may have warmed the cache, that is a problem.
"""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from itertools import permutations
from typing import Any

from triphase_benchmark.client.cache_reset import can_reset, reset_cache
from triphase_benchmark.client.http_target import profile_of
from triphase_benchmark.engines.address import parse_address
from triphase_benchmark.engines.engine import Engine


class Caches:
    """`salt`: of the run, unlike that of any other; what legs bring is made of it."""

    def __init__(self, engines: Sequence[Engine], *, salt: str) -> None:
        self._refused: dict[str, str] = {}
        self._salt = salt
        self._engines = tuple(engines)

    def prepare(self, engine: Engine, round_: int) -> str | None:
        """Empties a cache before a leg; returns the salt that the leg's requests bring, if the engine takes one."""
        if self._is_emptied(engine) and (problem := asyncio.run(reset_cache(engine))):
            self._refused[engine.name] = problem
        if not _is_salted(engine):
            return None
        return blake2b(f"{self._salt} {round_} {engine.name}".encode(), digest_size=8).hexdigest()

    @property
    def told(self) -> dict[str, str]:
        """What is done about each engine's cache, by name."""
        return {engine.name: self._of(engine) for engine in self._engines}

    def facts(self, reuse: float) -> dict[str, Any]:
        """Their part of the manifest. `reuse`: the share of what is asked that the plan itself repeats."""
        planned = f"{reuse:.0%} of prompt characters planned to be known" if reuse else "no prompt begins like another"
        text = "; ".join([planned, *(f"{name}: {done}" for name, done in self.told.items())])
        return {"cache": text, "cache_salt": self._salt, "planned_reuse": reuse}

    @property
    def problems(self) -> list[str]:
        """Which engines may have been sped up by what others of the run had asked just before."""
        told: dict[frozenset[str], str] = {}
        for first, second in permutations(self._engines, 2):
            if self._may_warm(first, second):
                told.setdefault(frozenset((first.name, second.name)), _WARMED.format(first.name, second.name))
        return list(told.values())

    def _of(self, engine: Engine) -> str:
        why = self._refused.get(engine.name)
        return _DONE[self._is_emptied(engine), _is_salted(engine)] + (f" ({why})" if why else "")

    def _may_warm(self, first: Engine, second: Engine) -> bool:
        """Whether what the first asks may be found by the second: its prompts bear no salt, and nobody empties them."""
        kept = not (_is_salted(first) or _is_salted(second) or self._is_emptied(second))
        return kept and _may_be_one(first, second)

    def _is_emptied(self, engine: Engine) -> bool:
        return can_reset(engine) and engine.name not in self._refused


# Whether it is emptied, whether it is salted.
_DONE = {
    (True, True): "emptied before each leg, and salted",
    (True, False): "emptied before each leg",
    (False, True): "salted for each leg",
    (False, False): "left as it was",
}
_WARMED = (
    "{} and {} may be one engine with one prefix cache, which can be neither emptied nor parted by a salt: whichever "
    "comes second in a round may find its prompts known; name the profile of the engine behind a gateway, if it has one"
)


def _is_salted(engine: Engine) -> bool:
    return profile_of(engine).cache_salt is not None


def _may_be_one(first: Engine, second: Engine) -> bool:
    """What stands behind a gateway is not known."""
    if first.is_gateway or second.is_gateway:
        return True
    return parse_address(first.url).authority == parse_address(second.url).authority
