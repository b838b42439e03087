"""The process that encodes texts by a SentencePiece model: reads both from standard input, answers one line of JSON.

Rule: limits come first, since the model is from outside and read by native code. What is asked is a line of JSON with
the texts, then the bytes of the model. The parent is `tokens.py`. It is run by its module's name, as that of templates.
"""

import hashlib
import json
import resource
import sys
import warnings
from contextlib import suppress
from typing import Any, Final

_MEMORY_BYTES: Final = 1 << 30
_PROCESSOR_S: Final = 10


def main() -> None:
    """Answers what was asked; a model that cannot be read ends it without an answer."""
    _limit()
    question = json.loads(sys.stdin.buffer.readline())
    model = sys.stdin.buffer.read(question["length"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as in `engine/tokenizer.py`
        import sentencepiece  # noqa: PLC0415 - after the limits
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    sys.stdout.write(json.dumps([_encoded(processor, text) for text in question["texts"]]) + "\n")


def _encoded(processor: Any, text: str) -> dict[str, object]:
    ids: list[int] = processor.encode(text)
    return {"count": len(ids), "digest": hashlib.sha256(repr(ids).encode()).hexdigest()}


def _limit() -> None:
    """Lowers what this process may have; not every system knows every limit."""
    limits = (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _PROCESSOR_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
