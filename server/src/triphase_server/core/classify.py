"""What an upstream's own error means: one table for HTTP statuses and for error objects inside a successful response.

Nothing that the upstream wrote gets into a message; of its words only a number in the range of HTTP statuses is kept,
as metadata. Transport failures are classified in `upstream/`, gRPC codes in `rpc/status.py`.
"""

from collections.abc import Mapping

from triphase_server.core.errors import (
    Stage,
    UpstreamAuthFailed,
    UpstreamError,
    UpstreamModelMissing,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamServerError,
)

_Meaning = tuple[type[UpstreamError], str]

_AUTH: _Meaning = (UpstreamAuthFailed, "the upstream refused the gateway's credentials")
_REJECTED: _Meaning = (UpstreamRejected, "the upstream refused the request")
_REDIRECTED: _Meaning = (UpstreamProtocolError, "the upstream answered with a status that is neither success nor error")
_SERVER: _Meaning = (UpstreamServerError, "the upstream failed inside")

_BY_STATUS: Mapping[int, _Meaning] = {
    401: _AUTH,
    402: (UpstreamAuthFailed, "the upstream wants the operator's account to be paid"),
    403: _AUTH,
    404: (UpstreamModelMissing, "the upstream does not know the deployment's model or path"),
    408: _SERVER,
    425: _SERVER,
    429: (UpstreamRateLimited, "the upstream allows no more requests for now"),
    503: (UpstreamOverloaded, "the upstream has no capacity for now"),
    529: (UpstreamOverloaded, "the upstream has no capacity for now"),
}

_BY_CLASS: Mapping[int, _Meaning] = {4: _REJECTED, 5: _SERVER}

# Words that stand in `code` or `type` of error objects, in lower case and without `_`: of OpenAI's API reference, of
# Anthropic's (`overloaded_error`), and of vLLM and SGLang, which use the names of their Python exceptions.
_STATUS_OF_WORD: Mapping[str, int] = {
    "invalidrequesterror": 400,
    "badrequesterror": 400,
    "contextlengthexceeded": 400,
    "authenticationerror": 401,
    "invalidapikey": 401,
    "permissionerror": 403,
    "permissiondeniederror": 403,
    "notfounderror": 404,
    "modelnotfound": 404,
    "unprocessableentityerror": 422,
    "ratelimiterror": 429,
    "ratelimitexceeded": 429,
    "insufficientquota": 429,
    "overloadederror": 529,
    "serviceunavailableerror": 503,
}


def error_for_status(
    status: int, *, stage: Stage, retry_after_s: float | None = None, meant: int | None = None
) -> UpstreamError:
    """Returns the error for an HTTP status that is not a success; the number stays as metadata.

    `meant` is the status that it stands for, where that is another one (`error_patterns.py`).
    """
    meaning = status if meant is None else meant
    kind, message = _BY_STATUS.get(meaning) or _BY_CLASS.get(meaning // 100, _REDIRECTED)
    return kind(message, stage=stage, metadata={"upstream_status": str(status)}, retry_after_s=retry_after_s)


def status_of_error(error: object) -> int:
    """Reads the HTTP status that an error object stands for (`error` of a body or a frame); 500 where it names none."""
    if not isinstance(error, Mapping):
        return 500
    words = (error.get("code"), error.get("status"), error.get("type"))
    return next((status for status in map(_status_of_word, words) if status), 500)


def _status_of_word(word: object) -> int:
    if isinstance(word, str):
        plain = word[:64].lower().replace("_", "")
        word = int(plain) if plain.isascii() and plain.isdecimal() and len(plain) == 3 else _STATUS_OF_WORD.get(plain)
    return word if isinstance(word, int) and 400 <= word <= 599 else 0
