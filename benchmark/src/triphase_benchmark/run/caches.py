"""The prefix caches of a run's engines: emptied before each leg where an engine can, parted from other runs' elsewhere.

Its rule: prompts are new in each round, so within a run nothing is reused that was not asked for. What a cache may hold
from an earlier run of the same seed is what this is about, and what was done about it is told for each engine.
"""

import asyncio
from collections.abc import Sequence

from triphase_benchmark.client.cache_reset import can_reset, reset_cache
from triphase_benchmark.client.http_target import profile_of
from triphase_benchmark.engines.engine import Engine


class Caches:
    """`salt`: unlike that of any other run; sent to engines that part their caches by it and cannot empty them."""

    def __init__(self, engines: Sequence[Engine], *, salt: str) -> None:
        self._refused: dict[str, str] = {}
        self._salt = salt
        self._engines = {engine.name: engine for engine in engines}

    def prepare(self, engine: Engine) -> str | None:
        """Empties a cache before a leg; returns the salt that the leg's requests bring."""
        if can_reset(engine) and engine.name not in self._refused:
            problem = asyncio.run(reset_cache(engine))
            if not problem:
                return None
            self._refused[engine.name] = problem
        return self._salt if self._can_salt(engine) else None

    @property
    def told(self) -> dict[str, str]:
        """What is done about each engine's cache, by name."""
        return {name: self._of(engine) for name, engine in self._engines.items()}

    def _of(self, engine: Engine) -> str:
        if can_reset(engine) and engine.name not in self._refused:
            return "emptied before each leg"
        why = self._refused.get(engine.name)
        if self._can_salt(engine):
            return "parted from other runs by a salt" + (f" ({why})" if why else "")
        return f"left as it was ({why})" if why else "left as it was"

    @staticmethod
    def _can_salt(engine: Engine) -> bool:
        return not engine.is_gateway and profile_of(engine).cache_salt is not None


def cache_text(reuse: float, told: dict[str, str]) -> str:
    """The state of all caches, in a line."""
    planned = f"{reuse:.0%} of prompt characters planned to be known" if reuse else "no prompt begins like another"
    return "; ".join([planned, *(f"{name}: {text}" for name, text in told.items())])
