"""Makes a text as many tokens long as it is to be.

Its rule: exactly so many, as its counter counts the whole text (an estimate may be one off). Nothing is assumed of a
tokenizer but that more words are more tokens: sentences are added until there are enough, words taken away until there
are not, and single short words make up the rest. Most of that looks only at the end of the text, since a whole one may
take a while to count.
"""

from collections.abc import Iterator

from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.ports import TokenCounter

# Short words, of which nearly every vocabulary has some as one token with the space before them.
_SINGLE = ("a", "the", "so", "it", "is", "on", "1", "2", "e", "t")
_MOST_TRIES = 12
_TAIL_WORDS = 40


def fitted(counter: TokenCounter, tokens: int, *, begin: str, filler: Iterator[str], end: str = "") -> str:
    """A text of exactly so many tokens: `begin`, as much of the filler as fits, and `end`.

    Args:
        counter: Who counts.
        tokens: How many it is to have.
        begin: What it begins with, never shortened.
        filler: Sentences, without end.
        end: What it ends with, spaces before it included; never shortened.

    Raises:
        BadInput: `begin` and `end` have more tokens than that.
    """
    least = counter.count(begin + end)
    if least > tokens:
        raise BadInput(f"a prompt of {tokens} tokens is too short: what it must hold has {least} by {counter.name}")
    words, have = _enough(counter, tokens - least, filler)
    # At first the sum of the parts is taken for the whole, which it is for many tokenizers.
    over = least + have - tokens
    for _ in range(_MOST_TRIES):
        words = _shifted(counter, words, -over) if over else words
        text = _joined(begin, words) + end
        over = counter.count(text) - tokens
        if over == 0 or (abs(over) == 1 and not counter.exact):
            return text
    raise BadInput(f"no text of exactly {tokens} tokens was found by {counter.name}")


def _joined(begin: str, words: list[str]) -> str:
    return " ".join([begin, *words] if begin else words)


def _enough(counter: TokenCounter, tokens: int, filler: Iterator[str]) -> tuple[list[str], int]:
    """Words of whole sentences that have at least so many tokens, and how many the sentences have by themselves."""
    words: list[str] = []
    have = 0
    while have < tokens:
        new = next(filler)
        have += counter.count(" " + new)
        words += new.split(" ")
    return words, have


def _shifted(counter: TokenCounter, words: list[str], by: int) -> list[str]:
    """The words with about `by` tokens more, or less; only their end changes."""
    # How much of the end may have to go: a word has at least about one token.
    cut = max(len(words) - _TAIL_WORDS + min(by, 0), 0)
    head, tail = words[:cut], words[cut:]
    wanted = counter.count(" ".join(tail)) + by
    low, high = 0, len(tail)
    while low < high:  # the most words that are not too many
        middle = (low + high + 1) // 2
        low, high = (middle, high) if counter.count(" ".join(tail[:middle])) <= wanted else (low, middle - 1)
    tail = tail[:low]
    return head + _padded(counter, tail, wanted)


def _padded(counter: TokenCounter, words: list[str], wanted: int) -> list[str]:
    """The words, and short ones until they have as many tokens as wanted, if one by one leads there."""
    have = counter.count(" ".join(words))
    while have < wanted:
        grown = next((more for more in _grown(words) if counter.count(" ".join(more)) == have + 1), None)
        if grown is None:
            return words
        words, have = grown, have + 1
    return words


def _grown(words: list[str]) -> Iterator[list[str]]:
    yield from ([*words, word] for word in _SINGLE)
    if words:  # where each letter is a token, a word and its space are always two
        yield [*words[:-1], words[-1] + "s"]
