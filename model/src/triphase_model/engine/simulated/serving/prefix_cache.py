"""The prefix cache: which beginnings of prompts need not be read again.

Its rule: a prompt is cut into blocks, and a block counts only with all that stand before it. The last token is always
read, since the first new one comes of it. Blocks that were longest unused are forgotten first.
"""

from collections import OrderedDict
from collections.abc import Sequence

from triphase_model.engine.simulated.serving.settings import Cache


def block_hashes(tokens: Sequence[object], *, salt: str, block_tokens: int) -> tuple[int, ...]:
    """The hashes of a prompt's whole blocks, each of all tokens up to its end; another `salt`, other hashes."""
    hashes: list[int] = []
    before = hash(salt)
    for end in range(block_tokens, len(tokens) + 1, block_tokens):
        before = hash((before, *tokens[end - block_tokens : end]))
        hashes.append(before)
    return tuple(hashes)


class PrefixCache:
    """The blocks that are kept, and how often they were of use: `queries` and `hits` in tokens."""

    def __init__(self, settings: Cache) -> None:
        self._settings = settings
        self._blocks: OrderedDict[int, None] = OrderedDict()
        self.queries = 0
        self.hits = 0

    def hit(self, blocks: Sequence[int], prompt_tokens: int) -> int:
        """How many tokens of a prompt are kept."""
        if not self._settings.enabled:
            return 0
        most = (prompt_tokens - 1) // self._settings.block_tokens
        found = 0
        for block in blocks[:most]:
            if block not in self._blocks:
                break
            self._blocks.move_to_end(block)
            found += 1
        tokens = found * self._settings.block_tokens
        self.queries += prompt_tokens
        self.hits += tokens
        return tokens

    def keep(self, blocks: Sequence[int]) -> None:
        """Keeps the blocks of a prompt that has been read."""
        if not self._settings.enabled:
            return
        for block in blocks:
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        most = self._settings.capacity_tokens // self._settings.block_tokens
        while len(self._blocks) > most:
            self._blocks.popitem(last=False)

    def clear(self) -> None:
        """Forgets all blocks, not the counts."""
        self._blocks.clear()
