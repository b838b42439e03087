"""What a user wants of a run: one frozen value, whichever command it came from.

Its rule: whatever changes a result stands here and in the manifest, the seed included, which is drawn where none was
given, so that the command which the manifest holds gives the same plan again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from triphase_benchmark.client.exchange import Limits
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import Amount, Duration, Requests
from triphase_benchmark.plan.making import Wish
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.counting import counter_of
from triphase_benchmark.workload.naming import workload_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All of it. Texts are as the command line took them; `argv` is the command that gives the same plan again.

    `workers`: processes; `None` = one for each core but one; a text: a Ray cluster. `wait_s`: how long engines may take
    to come up. `timeout_s`: until an answer must have ended.
    """

    engines: tuple[Engine, ...]
    out: Path
    argv: tuple[str, ...]
    seed: int
    load: str = "closed:8"
    workload: str = "chat"
    iterations: int = 8
    measured: Amount | None = field(default_factory=lambda: Requests(count=100))
    warm_up: Amount = field(default_factory=lambda: Requests(count=8))
    slos: Mapping[str, float] = field(default_factory=dict)
    tokenizer: str | None = None
    shared_prefix: str | None = None
    workers: int | str | None = None
    baseline: str | None = None
    wait_s: float = 0.0
    timeout_s: float = 600.0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the engines, in the order in which they were given."""
        return tuple(engine.name for engine in self.engines)

    @property
    def against(self) -> str:
        """The engine that the others are compared with: the baseline, or else the first."""
        return self.baseline or self.names[0]

    @property
    def transports(self) -> tuple[bool, ...]:
        """By which the client asks: for each, whether it is that of gateways."""
        return tuple(sorted({engine.is_gateway for engine in self.engines}))

    @property
    def limits(self) -> Limits:
        """What one request may take."""
        return Limits(timeout_s=self.timeout_s)

    def check(self) -> None:
        """Raises BadInput where engines have no names of their own, or the baseline is none of them."""
        if not self.engines:
            raise BadInput("no engine: name one with --engine NAME=URL, or see --help")
        doubled = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubled:
            raise BadInput(f"two engines are called {doubled[0]}: each needs a name of its own")
        if self.against not in self.names:
            raise BadInput(f"--baseline {self.baseline}: the engines are {', '.join(self.names)}")

    def wish(self) -> Wish:
        """What is to be planned. Reads the files of workloads and traces. Raises BadInput."""
        self.check()
        return Wish(
            seed=self.seed,
            workload=workload_of(self.workload, tokenizer=self.tokenizer, shared_prefix=self.shared_prefix),
            load=load_of(self.load),
            engines=self.names,
            iterations=self.iterations,
            measured=self.measured,
            warm_up=self.warm_up,
        )

    def configuration(self) -> dict[str, Any]:
        """What the manifest keeps of it. Raises BadInput."""
        return {
            "iterations": self.iterations,
            "measured": _told(self.measured),
            "warm_up": _told(self.warm_up),
            "tokenizer": self.tokenizer,
            "tokenizer_digest": counter_of(self.tokenizer).digest,
            "shared_prefix": self.shared_prefix,
            "workers": self.workers,
            "baseline": self.against,
            "limits": asdict(self.limits),
        }


def _told(amount: Amount | None) -> str:
    match amount:
        case Requests(count=count):
            return f"{count} requests"
        case Duration(ns=ns):
            return f"{ns / 1e9:g} s"
        case None:
            return "the whole trace"
