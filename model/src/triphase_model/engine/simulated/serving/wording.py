"""The words of the simulated engine: a token is one word with the space before it, and so is one of a prompt.

Its rule: a text made here has exactly as many tokens as it was made of, which anyone can count again by its words.
"""

from typing import Final
from zlib import crc32

_HEADS: Final = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "ch", "sh"]
_VOWELS: Final = ["a", "e", "i", "o", "u", "ai", "eo", "io"]
_ACCENTED: Final = ["ä", "é", "î", "ō", "ü", "愛", "å", "ø"]
VOCABULARY_SIZE: Final = 1 << 17


def _words(vowels: list[str]) -> tuple[bytes, ...]:
    syllables = [head + vowel for vowel in vowels for head in _HEADS]
    return tuple(f" {first}{syllables[(7 * i + 3) % 128]}".encode() for i, first in enumerate(syllables * 2))


_PLAIN: Final = _words(_VOWELS)
_UNICODE: Final = _words(_ACCENTED)


class Wording:
    """The text of one answer, from a place in the list of words that its `key` chooses. None needs escaping in JSON."""

    def __init__(self, key: str, *, unicode: bool) -> None:
        self._words = _UNICODE if unicode else _PLAIN
        self._place = crc32(key.encode(errors="surrogatepass"))

    def tokens(self, begin: int, end: int) -> bytes:
        """The text of the answer's tokens from `begin` to before `end`."""
        words, place = self._words, self._place
        if end - begin == 1:
            return words[(place + begin) & 255]
        return b"".join([words[(place + number) & 255] for number in range(begin, end)])


def token_texts(text: str) -> list[str]:
    """The tokens of a text."""
    return text.split()


def token_id(word: str) -> int:
    """The number of a token."""
    return crc32(word.encode(errors="surrogatepass")) % VOCABULARY_SIZE
