"""The summary of a prompt: what the caller asks for, and what came with it, on one line.

Its rule: it draws on the user's last turn and on nothing else, so that system, developer and tool text stay private;
it looks at a bounded head and tail, so that it is instant whatever the size. Counts are of the whole request. Finding
the request in the turn is `request_sentence.py`.
"""
# ruff: noqa: RUF001 - full-width signs are meant

from triphase_server.core.request import GenerationRequest, ImagePart, Message, Role, TextPart
from triphase_server.core.summary.clean import one_line, shorten
from triphase_server.core.summary.language import language_of
from triphase_server.core.summary.request_sentence import find_request

LONGEST_SUMMARY = 160
_LOOK = 4000
_MOST_PARTS = 64
_LONG_TEXT = 1000


def summarize_prompt(request: GenerationRequest) -> str:
    """Returns what is asked, in at most `LONGEST_SUMMARY` characters; never empty."""
    turn = next((m for m in reversed(request.messages) if m.role is Role.USER), None)
    texts = [part.text for part in turn.content if isinstance(part, TextPart)] if turn else []
    head, tail = _ends(texts)
    asked = find_request(head, tail)
    size = sum(map(len, texts))
    extras = _extras(request, turn, size=size, language=language_of(asked or head))
    tail_line = f" — {', '.join(extras)}" if extras else ""
    line = shorten(one_line(asked).rstrip(" :："), LONGEST_SUMMARY - len(tail_line))
    return (line or _without_words(turn, blank=not any(map(str.strip, texts)))) + tail_line


def _ends(texts: list[str]) -> tuple[str, str]:
    """The first and the last characters of the turn; the second is empty where the first is all."""
    bounded = [text if len(text) <= 4 * _LOOK else f"{text[: 2 * _LOOK]}\n{text[-2 * _LOOK :]}" for text in texts]
    head, tail = "\n".join(bounded[:_MOST_PARTS]), "\n".join(bounded[-_MOST_PARTS:])
    if len(head) <= 2 * _LOOK and head == tail:
        return head, ""
    return head[:_LOOK], tail[-_LOOK:]


def _without_words(turn: Message | None, *, blank: bool) -> str:
    if turn is None:
        return "No message of the user"
    if any(isinstance(part, ImagePart) for part in turn.content):
        return "Images without text"
    return "No text" if blank else "Text that cannot be shortened"


def _extras(request: GenerationRequest, turn: Message | None, *, size: int, language: str) -> list[str]:
    turns = sum(message.role is Role.USER for message in request.messages)
    images = sum(isinstance(part, ImagePart) for part in turn.content) if turn else 0
    return [
        *([f"{turns} turns"] if turns > 1 else []),
        *([_count(images, "image")] if images else []),
        *([_count(len(request.tools), "tool")] if request.tools else []),
        *([f"{size:,} characters"] if size >= _LONG_TEXT else []),
        *([language] if language else []),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
