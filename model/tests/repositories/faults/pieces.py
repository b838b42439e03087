"""Faults of SentencePiece models."""

from typing import Final

from repositories.editing import fault, repiecing

_BASE: Final = "reference"
Pieces = list[tuple[str, int]]


def _no_unknown(pieces: Pieces) -> None:
    pieces[0] = (pieces[0][0], 3)


def _two_unknown(pieces: Pieces) -> None:
    pieces[3] = (pieces[3][0], 2)


def _plain_end(pieces: Pieces) -> None:
    pieces[2] = (pieces[2][0], 1)


def _doubled(pieces: Pieces) -> None:
    pieces[600] = pieces[601]


def _emptied(pieces: Pieces) -> None:
    pieces[600] = ("", 1)


def _swapped(pieces: Pieces) -> None:
    pieces[600], pieces[601] = pieces[601], pieces[600]


def _as_it_is(pieces: Pieces) -> None:
    del pieces[640:]


FAULTS: Final = (
    fault("P01", "nothing is unknown", repiecing(_no_unknown), base=_BASE),
    fault("P01", "two are unknown", repiecing(_two_unknown), base=_BASE),
    fault("P02", "bytes without a fallback", repiecing(_as_it_is, fallback=0), base=_BASE),
    fault("P03", "a piece twice", repiecing(_doubled), base=_BASE, also=("P07",)),
    fault("P04", "an empty piece", repiecing(_emptied), base=_BASE),
    fault("P05", "another number of pieces", repiecing(_as_it_is, vocab_size=32000), base=_BASE),
    fault("P06", "an end that is text", repiecing(_plain_end), base=_BASE),
    fault("P07", "two pieces in the other order", repiecing(_swapped), base=_BASE),
)
