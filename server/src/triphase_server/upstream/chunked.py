"""The body of a chunked response without its framing (RFC 9112 section 7.1): blocks of bytes in, blocks of bytes out.

The rule: a block costs one call, however many chunks are in it, since engines frame each token as a chunk of its own;
what stands before garbage is given out. Whose bytes they are is `connection.py`.
"""

from collections.abc import Callable

import httptools

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class _Found:
    """What the parser tells. It does not know the parser, so that nothing is left for the garbage collector."""

    __slots__ = ("on_body", "pieces", "whole")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.on_body: Callable[[bytes], None] = self.pieces.append
        self.whole = False

    def on_message_begin(self) -> None:
        if self.whole:
            raise ValueError("something follows the end")

    def on_message_complete(self) -> None:
        self.whole = True


class ChunkedBody:
    """Takes off the framing of one body. `whole`: its end has come; `garbled`: something else than a body came.

    Both hold where something follows the end, which spoils the connection and not the body.
    """

    __slots__ = ("_found", "_parser", "garbled")

    def __init__(self) -> None:
        self._found = _Found()
        self._parser = httptools.HttpResponseParser(self._found)
        self._parser.feed_data(_HEAD)
        self.garbled = False

    @property
    def whole(self) -> bool:
        """Whether the end has come."""
        return self._found.whole

    def feed(self, block: bytes) -> bytes:
        """Returns what the chunks of this block hold; nothing more once it is `whole` or `garbled`."""
        if self.garbled or self.whole:
            self.garbled = self.garbled or bool(block)
            return b""
        try:
            self._parser.feed_data(block)
        except httptools.HttpParserError:
            self.garbled = True
        pieces = self._found.pieces
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return content
