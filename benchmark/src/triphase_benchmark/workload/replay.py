"""A recorded trace as a workload: its lengths, and which beginnings its requests shared, with text of our own.

Its rule: requests whose first blocks have equal hashes in the trace begin with the same text here, block by block, and
share nothing else. Each round has texts of its own, so that it begins with a cache that knows none of them.
"""

from collections.abc import Iterator
from itertools import chain

from triphase_benchmark.plan.chance import Chance, Purpose, tag
from triphase_benchmark.plan.ports import Place
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.trace_file import BLOCK_TOKENS, TraceEntry
from triphase_benchmark.plan.values import Message, Prompt
from triphase_benchmark.workload.builtin.prose import sentences
from triphase_benchmark.workload.fitting import fitted
from triphase_benchmark.workload.options import Options

_MOST_BLOCKS_KEPT = 20_000
# Shorter prompts have no room for a tag, and fill no block of a cache that could know them.
_TAGGED = 32


class ReplayWorkload:
    """The requests of a trace in their order, from its beginning in each round."""

    def __init__(self, *, name: str, entries: tuple[TraceEntry, ...], options: Options) -> None:
        self.name = name
        self.size = None
        self.notes = options.notes
        self._entries = entries
        self._options = options
        self._blocks: dict[tuple[int, ...], str] = {}

    def conversation(self, seed: int, place: Place) -> tuple[Prompt, ...]:
        """The one request at this place; after the trace's end it begins again, with other texts."""
        pass_, at = divmod(place.number, len(self._entries))
        entry = self._entries[at]
        chance = Chance(seed, Purpose.LENGTHS, place.round, place.number)
        for_input, for_output = chance.uniform(), chance.uniform()
        wanted = max(self._options.input.at(for_input) if self._options.input else entry.input_tokens, 1)
        if entry.blocks and not self._options.input:
            text = self._shared(seed, (place.round, pass_), entry.blocks, wanted)
        else:
            text = self._unshared(seed, place, wanted)
        return (
            Prompt(
                id=f"request-{at}",
                messages=(Message(role="user", content=text),),
                input_tokens=wanted if self._options.counter.exact else None,
                output_tokens=self._options.output_tokens(for_output, max(entry.output_tokens, 1)),
            ),
        )

    def _unshared(self, seed: int, place: Place, tokens: int) -> str:
        key = (place.round, place.number)
        prose = sentences(Chance(seed, Purpose.PROMPTS, *key))
        mark = [f"Reference {tag(seed, *key)}."] if tokens >= _TAGGED else []
        return self._fitted(tokens, chain(mark, prose))

    def _shared(self, seed: int, key: tuple[int, int], blocks: tuple[int, ...], tokens: int) -> str:
        """All whole blocks, and of the last one what is left of the tokens."""
        # A request that ends within a block sends its beginning, as any other request with that block does.
        last = self._written(seed, (*key, blocks[-1]))
        return self._fitted(tokens, chain((self._block(seed, (*key, block)) for block in blocks[:-1]), last))

    def _block(self, seed: int, key: tuple[int, ...]) -> str:
        if (known := self._blocks.get((seed, *key))) is not None:
            return known
        if len(self._blocks) >= _MOST_BLOCKS_KEPT:
            self._blocks.clear()
        made = self._blocks[seed, *key] = self._fitted(BLOCK_TOKENS, self._written(seed, key))
        return made

    def _written(self, seed: int, key: tuple[int, ...]) -> Iterator[str]:
        round_, pass_, block = key
        if block < 0:
            raise BadInput(f"{self.name}: {block} is no hash id, they are whole numbers from 0 on")
        return chain([f"Section {tag(seed, *key)}."], sentences(Chance(seed, Purpose.PREFIXES, round_, pass_, block)))

    def _fitted(self, tokens: int, filler: Iterator[str]) -> str:
        return fitted(self._options.counter, tokens, begin="", filler=filler)
