"""Counts tokens by a model's own tokenizer: a SentencePiece model, or a `tokenizer.json` where the extra is installed.

The rule: a text is counted as it stands in the middle of another, so that what a tokenizer puts before a text does not
count with every word. Where there is no tokenizer, `core/counting.py` estimates.
"""

import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # Builds of sentencepiece before 0.2.3 warn about their own generated types on Python 3.12 and later.
    warnings.simplefilter("ignore", DeprecationWarning)
    import sentencepiece

# White space joins with nothing that stands before it but punctuation and white space, and letters with no line break.
_BEFORE_SPACE, _BEFORE_LETTERS = "a", "a\n"


class NoTokenizer(Exception):
    """The file is no tokenizer that can be read here; the message says why."""


def counter_of(path: str) -> Callable[[str], int]:
    """Returns what counts the tokens of a text; raises NoTokenizer. Loaded once for each file as it is."""
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        raise NoTokenizer("there is no such file") from None
    return _loaded(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _loaded(path: str, _modified_ns: int, _size: int) -> Callable[[str], int]:
    length = _hugging_face(path) if path.endswith(".json") else _sentence_piece(path)

    def count(text: str) -> int:
        before = _BEFORE_SPACE if text[:1].isspace() else _BEFORE_LETTERS
        return length(before + text) - length(before)

    return count


def _sentence_piece(path: str) -> Callable[[str], int]:
    try:
        pieces = sentencepiece.SentencePieceProcessor(model_file=path)
    except (OSError, RuntimeError):
        raise NoTokenizer("it is no SentencePiece model") from None
    return lambda text: len(pieces.encode(text))


def _hugging_face(path: str) -> Callable[[str], int]:
    try:
        import tokenizers  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        raise NoTokenizer("it needs the extra tokenizers: pip install 'triphase-server[tokenizers]'") from None
    try:
        tokenizer: Any = tokenizers.Tokenizer.from_file(path)
    except Exception as problem:  # it raises bare `Exception`s
        raise NoTokenizer(f"it is no tokenizer.json: {str(problem).splitlines()[0]}") from None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
