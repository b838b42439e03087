"""How tokens are counted: by the model's own tokenizer, or by an estimate that says that it is one.

Its rule: only what is counted by a tokenizer is called exact. A text's count leaves out what a chat template adds;
how many tokens an engine did read is in its usage.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, Final

from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.ports import TokenCounter

with warnings.catch_warnings():
    # Builds of sentencepiece before 0.2.3 warn about their own generated types on Python 3.12 and later.
    warnings.simplefilter("ignore", DeprecationWarning)
    import sentencepiece

REFERENCE: Final = "reference"
# What stands between spaces, cut into words, numbers and marks.
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")


class WordEstimate:
    """Counts words, numbers and marks, and takes each for so many tokens.

    1.06 was measured: four vocabularies of 65 000 to 200 000 tokens gave 1.02 to 1.10 for the built-in prompt sets.
    """

    name = "estimate"
    exact = False
    digest = None

    def __init__(self, tokens_per_word: float = 1.06) -> None:
        self._tokens_per_word = tokens_per_word

    def count(self, text: str) -> int:
        """About how many tokens a vocabulary of 100 000 or more would have."""
        return round(len(_WORD.findall(text)) * self._tokens_per_word)


class SentencePieceCounter:
    """The tokenizer of a `tokenizer.model`."""

    exact = True

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
        except (OSError, RuntimeError):
            raise BadInput(f"{file} is no SentencePiece model") from None
        self.digest = sha256(file.read_bytes()).hexdigest()

    def count(self, text: str) -> int:
        """The number of pieces."""
        return len(self._pieces.encode(text))


class HuggingFaceCounter:
    """The tokenizer of a `tokenizer.json`."""

    exact = True

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        try:
            import tokenizers  # noqa: PLC0415 - an extra, and slow to load
        except ImportError:
            problem = "needs the extra tokenizers: pip install 'triphase-benchmark[tokenizers]'"
            raise BadInput(f"{file} {problem}") from None
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(file))
        except Exception as problem:  # it raises bare `Exception`s
            raise BadInput(f"{file} is no tokenizer.json: {str(problem).splitlines()[0]}") from None
        self.digest = sha256(file.read_bytes()).hexdigest()

    def count(self, text: str) -> int:
        """The number of tokens, without those that mark the beginning or the end."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


_FILES: Mapping[str, Callable[[Path], TokenCounter]] = {".model": SentencePieceCounter, ".json": HuggingFaceCounter}
_NAMES = ("tokenizer.model", "tokenizer.json")


def counter_of(text: str | None) -> TokenCounter:
    """What `--tokenizer` means: a file, a folder that has one, or `reference`; without it, an estimate.

    Raises:
        BadInput: There is no tokenizer.
    """
    if text is None:
        return WordEstimate()
    path = Path(str(resources.files("triphase_model") / "reference")) if text == REFERENCE else Path(text)
    if path.is_dir():
        found = [path / name for name in _NAMES if (path / name).is_file()]
        if not found:
            raise BadInput(f"--tokenizer {text}: the folder has no {' and no '.join(_NAMES)}")
        path = found[0]
    if path.suffix not in _FILES or not path.is_file():
        raise BadInput(f"--tokenizer {text}: it takes a tokenizer.model, a tokenizer.json, or a folder that has one")
    return _FILES[path.suffix](path)
