"""Which deltas leave together: adjacent ones of a kind as one, one that no client would take in a message as several.

Neither changes text, kinds or order.
"""

from dataclasses import replace
from itertools import groupby

from triphase_server.core.events import Delta, ToolCallDelta

# Far below the 4 MiB that gRPC clients take by default, and little enough work for the summary of one that nobody waits
# for it: a delta is also the piece between two of which other streams have their turn.
_DELTA_CHARS = 8 * 1024


def regroup(deltas: list[Delta]) -> list[Delta]:
    """Returns what is to be sent of the deltas that are ready together; `deltas` is not empty."""
    if len(deltas) == 1 and len(_text(deltas[0])) <= _DELTA_CHARS:  # a token that came alone
        return deltas
    return [piece for delta in _joined(deltas) for piece in _pieces(delta)]


def _pieces(delta: Delta) -> list[Delta]:
    text = _text(delta)
    if len(text) <= _DELTA_CHARS:
        return [delta]
    first, *rest = (text[at : at + _DELTA_CHARS] for at in range(0, len(text), _DELTA_CHARS))
    if isinstance(delta, ToolCallDelta):
        return [replace(delta, arguments=first), *(ToolCallDelta(delta.index, piece) for piece in rest)]
    return [replace(delta, text=piece) for piece in (first, *rest)]


def _text(delta: Delta) -> str:
    return delta.arguments if isinstance(delta, ToolCallDelta) else delta.text


def _joined(deltas: list[Delta]) -> list[Delta]:
    """Joins adjacent deltas of one kind; those of a tool call only with their own call's."""
    runs = groupby(deltas, key=lambda delta: (type(delta), getattr(delta, "index", None)))
    return [_join(list(run)) for _, run in runs]


def _join(run: list[Delta]) -> Delta:
    first = run[0]
    if isinstance(first, ToolCallDelta):
        return replace(first, arguments="".join(delta.arguments for delta in run if isinstance(delta, ToolCallDelta)))
    return replace(first, text="".join(delta.text for delta in run if not isinstance(delta, ToolCallDelta)))
