"""A workload for tests of plans: short texts that say where they stand."""

from dataclasses import dataclass

from triphase_benchmark.plan.ports import Place
from triphase_benchmark.plan.values import Message, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainWorkload:
    name: str = "plain"
    size: int | None = None
    turns: int = 1
    notes: tuple[str, ...] = ()

    def conversation(self, seed: int, place: Place) -> tuple[Prompt, ...]:
        texts = [f"{seed}/{place.serial}/{turn} of round {place.round}" for turn in range(self.turns)]
        return tuple(Prompt(id="plain", messages=(Message(role="user", content=text),)) for text in texts)
