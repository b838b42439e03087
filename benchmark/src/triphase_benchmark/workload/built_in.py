"""The built-in prompt sets as workloads.

Its rule: each conversation begins with a tag that no other one has, in this run or in one of another seed, so that no
prefix cache can know it. Its text, its lengths and its number of turns come from streams of chance of their own.
"""

from dataclasses import dataclass

from triphase_benchmark.plan.chance import Chance, Purpose, tag
from triphase_benchmark.plan.ports import Place
from triphase_benchmark.plan.values import Message, Prompt
from triphase_benchmark.workload.builtin.draft import Draft, PromptSet
from triphase_benchmark.workload.fitting import fitted
from triphase_benchmark.workload.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInWorkload:
    """A prompt set, with what the user said about it."""

    prompts: PromptSet
    options: Options

    @property
    def name(self) -> str:
        """The set's."""
        return self.prompts.name

    @property
    def size(self) -> None:
        """As many as are wanted."""
        return

    @property
    def notes(self) -> tuple[str, ...]:
        """That lengths are estimates, where they were asked for."""
        return self.options.notes if self.options.input or self.prompts.input else ()

    def conversation(self, seed: int, place: Place) -> tuple[Prompt, ...]:
        """Its turns."""
        key = (place.round, place.number)
        text, lengths = Chance(seed, Purpose.PROMPTS, *key), Chance(seed, Purpose.LENGTHS, *key)
        turns = self.options.turns.at(Chance(seed, Purpose.TURNS, *key).uniform())
        first = self._prompt(self.prompts.first(text), lengths, mark=f"Reference {tag(seed, *key)}.")
        return (first, *(self._prompt(self.prompts.later(text), lengths) for _ in range(turns - 1)))

    def _prompt(self, draft: Draft, lengths: Chance, mark: str = "") -> Prompt:
        for_input, for_output = lengths.uniform(), lengths.uniform()  # drawn whether needed or not: see `lengths.py`
        begin = " ".join(filter(None, [mark, draft.begin]))
        wanted = self.options.input or self.prompts.input
        if wanted is None:
            content = draft.natural_text(begin)
            tokens = self.options.counted(content)
        else:
            content = self._fitted(wanted.at(for_input), begin, draft)
            tokens = wanted.at(for_input) if self.options.counter.exact else None
        return Prompt(
            id=self.name,
            messages=(Message(role="user", content=content),),
            input_tokens=tokens,
            output_tokens=self.options.output_tokens(for_output, self.prompts.output.at(for_output)),
        )

    def _fitted(self, tokens: int, begin: str, draft: Draft) -> str:
        return fitted(self.options.counter, tokens, begin=begin, filler=draft.filler, end=draft.end)
