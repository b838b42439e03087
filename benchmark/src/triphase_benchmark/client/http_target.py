"""An OpenAI-compatible engine as a target: requests as bytes that are ready to go, answers as `parsing.py` reads them.

Its rule: a key is read from its variable here, where requests are made, and leaves in no other way: it is cut out of
whatever an engine says in its errors.
"""

import os
from collections.abc import Callable, Sequence

from triphase_benchmark.client.exchange import Exchange, Limits, Question
from triphase_benchmark.client.parsing import Answer, judge, one_line, read_stream, read_whole, whole_error
from triphase_benchmark.client.pool import Pool
from triphase_benchmark.engines.address import parse_address
from triphase_benchmark.engines.body import chat_body
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.engines.profiles import Profile, find_profile
from triphase_benchmark.records.error_kinds import ErrorKind

_SPARES = 8
_USER_AGENT = "triphase-benchmark"


class KeyMissing(ValueError):
    """The variable that is to hold an engine's key is not set."""


def read_key(engine: Engine) -> str | None:
    """Returns the engine's key, if it has one. Raises KeyMissing."""
    if engine.key_variable is None:
        return None
    key = os.environ.get(engine.key_variable, "").strip()
    if not key:
        raise KeyMissing(f"engine {engine.name!r}: the environment variable {engine.key_variable} is not set")
    if not key.isascii() or not key.isprintable():
        raise KeyMissing(f"engine {engine.name!r}: {engine.key_variable} holds characters that no header can")
    return key


def profile_of(engine: Engine) -> Profile:
    """The profile that an engine names. Raises ValueError where there is none of that name."""
    profile = find_profile(engine.profile)
    if profile is None:
        raise ValueError(f"engine {engine.name!r}: there is no profile {engine.profile!r}")
    return profile


class HttpTarget:
    """Asks one engine for one model. `streams`: whether it is asked to answer chunk by chunk."""

    def __init__(self, engine: Engine, *, model: str, limits: Limits, streams: bool = True) -> None:
        self._model = model
        self._streams = streams
        self._address = parse_address(engine.url)
        self._profile = profile_of(engine)
        self._key = read_key(engine)
        self._pool = Pool(self._address, limits)
        own = {"Host": self._address.authority, "User-Agent": _USER_AGENT, "Accept-Encoding": "identity"}
        key = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        headers = {**own, **self._profile.headers, **engine.headers, **key}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def open(self, places: int | None) -> None:
        """Connects beforehand; where nobody knows how many places there will be, some connections are kept spare."""
        if places is None:
            await self._pool.open(_SPARES, spares=_SPARES)
        else:
            await self._pool.open(places)

    def prepare(self, question: Question) -> bytes:
        """Makes the whole request, head and body."""
        body = chat_body(
            question.turns,
            profile=self._profile,
            model=self._model,
            output_tokens=question.output_tokens,
            extra_body=dict(question.extra_body),
            streams=self._streams,
            cache_salt=question.cache_salt,
        )
        accept = "text/event-stream" if self._streams else "application/json"
        named = f"X-Request-Id: {question.request_id}\r\n" if question.request_id else ""
        head = (
            f"POST {self._address.api('/chat/completions')} HTTP/1.1\r\n{self._headers}{named}Accept: {accept}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def plain(self, method: str, path: str) -> bytes:
        """Makes a request without a body to a path of the server."""
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        return f"{method} {path} HTTP/1.1\r\n{self._headers}Accept: application/json\r\n{length}\r\n".encode()

    def send(self, request: bytes, exchange: Exchange) -> Callable[[], None]:
        """Sends at once."""
        return self._pool.send(request, exchange)

    def token_reads(self, exchange: Exchange) -> Sequence[tuple[int, bytes]]:
        """All of them."""
        return exchange.reads

    def read(self, exchange: Exchange, *, asked_tokens: int | None) -> Answer:
        """Reads and judges."""
        if self._key is not None:
            self._hide_key(exchange, self._key.encode())
        answer = self._read(exchange)
        asked = asked_tokens if self._profile.holds_length else None
        answer.failure = _transport_failure(exchange, answer) or judge(answer, asked_tokens=asked)
        return answer

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close()

    @staticmethod
    def _hide_key(exchange: Exchange, key: bytes) -> None:
        if not 200 <= exchange.status < 300:  # one text, whose times do not matter
            exchange.reads = [(exchange.ended, b"".join(data for _, data in exchange.reads))]
        exchange.reads = [(at, data.replace(key, b"[key]")) for at, data in exchange.reads]

    def _read(self, exchange: Exchange) -> Answer:
        if not 200 <= exchange.status < 300:
            said = whole_error(exchange.reads) or "no body"
            failure = (ErrorKind.STATUS, one_line(f"status {exchange.status}: {said}")) if exchange.status else None
            return Answer(failure=failure)
        shape = _shape(exchange)
        if shape == "html":
            return Answer(failure=(ErrorKind.PROTOCOL, "answered a page of HTML"))
        if shape == "json":
            answer = read_whole(exchange.reads)
            if self._streams and answer.failure is None:
                answer.failure = ErrorKind.PROTOCOL, "answered whole, although a stream was asked for"
            return answer
        return read_stream(exchange.reads)


def _transport_failure(exchange: Exchange, answer: Answer) -> tuple[ErrorKind, str] | None:
    """What broke on the way, unless the answer was whole before that."""
    if exchange.failure is None or (exchange.failure[0] is ErrorKind.RESET and answer.ended_well):
        return None
    return exchange.failure


def _shape(exchange: Exchange) -> str:
    """What the body is, by its type, or by its first byte where the type says nothing of use."""
    for word, shape in (("event-stream", "sse"), ("json", "json"), ("html", "html")):
        if word in exchange.content_type:
            return shape
    first = b"".join(data for _, data in exchange.reads[:2]).lstrip()[:1]
    return {b"{": "json", b"<": "html"}.get(first, "sse")
