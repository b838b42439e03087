"""Simulated engines as child processes, for the demo and the self-test.

Its rule: they end with the block, however it ends, and with this process. What they do is
`triphase_model.engine.simulated`.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triphase_model.engine.process import EngineFailed, SimulatedProcess

from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.run.problems import CannotRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One of them: the profile that it is like, and the one that it is asked by; `settings` are `KEY=VALUE`."""

    name: str
    like: str
    asked_by: str = "generic"
    settings: tuple[str, ...] = ()
    config: Path | None = None
    seed: int = 0
    truth: Path | None = None


@contextmanager
def simulated_engines(wanted: Sequence[Simulated]) -> Iterator[tuple[Engine, ...]]:
    """Starts all of them. Raises CannotRun."""
    processes = [
        SimulatedProcess(profile=one.like, settings=one.settings, config=one.config, seed=one.seed, truth=one.truth)
        for one in wanted
    ]
    with asyncio.Runner() as runner:
        begun: list[SimulatedProcess] = []
        try:
            for process in processes:
                runner.run(process.__aenter__())
                begun.append(process)
            yield tuple(
                Engine(name=one.name, url=process.url, profile=one.asked_by)
                for one, process in zip(wanted, processes, strict=True)
            )
        except EngineFailed as error:
            raise CannotRun(f"a simulated engine did not start: {error}") from error
        finally:
            for process in reversed(begun):
                runner.run(process.__aexit__(None, None, None))
