"""Reading SentencePiece models by their wire format: as the library does, and never beyond the bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories.clean import repository
from triphase_model.engine import tokenizer as _engine  # noqa: F401 - imports sentencepiece with its warnings silenced
from triphase_model.validator.pieces import NotPieces, PieceType, read_pieces


def model() -> bytes:
    return repository("reference")["tokenizer.model"]


def test_the_pieces_are_those_that_the_library_reads() -> None:
    import sentencepiece  # noqa: PLC0415 - after the import above

    library = sentencepiece.SentencePieceProcessor(model_proto=model())
    own = read_pieces(model())
    assert [piece.text for piece in own.items] == [library.id_to_piece(n) for n in range(library.vocab_size())]
    assert own.of_type(PieceType.CONTROL) == [n for n in range(640) if library.is_control(n)]
    assert own.of_type(PieceType.BYTE) == [n for n in range(640) if library.is_byte(n)]
    assert (own.vocab_size, own.byte_fallback) == (640, True)


@pytest.mark.parametrize("length", [1, 2, 5, 100, 5000])
def test_a_model_that_is_cut_off_is_none(length: int) -> None:
    with pytest.raises(NotPieces):
        read_pieces(model()[:length])


@given(st.binary(max_size=100))
def test_bytes_are_a_model_or_refused(data: bytes) -> None:
    with suppress(NotPieces):
        assert read_pieces(data).items


@given(st.integers(0, 9000), st.integers(0, 255))
def test_a_changed_byte_never_makes_it_fail_otherwise(place: int, value: int) -> None:
    data = bytearray(model())
    data[place] = value
    with suppress(NotPieces):
        read_pieces(bytes(data))
