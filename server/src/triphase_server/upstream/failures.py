"""The one table from what aiohttp, TLS and the operating system raise to our errors.

The rule: an error says what failed and when, and holds nothing of the request or of what the upstream wrote; only
the operating system's own reason is chained to it, since aiohttp's errors hold the headers of the request. HTTP
statuses are not here but in `core/classify.py`.
"""

from typing import NamedTuple

import aiohttp

from triphase_server.core.errors import (
    Stage,
    UpstreamConnectionLost,
    UpstreamConnectTimeout,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamUnreachable,
)
from triphase_server.upstream.connection import GarbledBody

# What may come out of aiohttp for reasons that are not ours. Everything else is a defect, and passes.
FAILURES = (aiohttp.ClientError, OSError)


class _Row(NamedTuple):
    raised: tuple[type[BaseException], ...]
    becomes: type[UpstreamError]
    message: str
    stage: Stage | None = None  # None = the stage of the call


_CONNECT = Stage.CONNECT

# Read from the top: a row stands before the rows of its base classes.
_TABLE = (
    _Row((aiohttp.ConnectionTimeoutError,), UpstreamConnectTimeout, "no connection to the upstream in time", _CONNECT),
    _Row(
        (aiohttp.ClientConnectorCertificateError,),
        UpstreamUnreachable,
        "the upstream's certificate is not trusted",
        _CONNECT,
    ),
    _Row((aiohttp.ClientSSLError,), UpstreamUnreachable, "no secure connection to the upstream", _CONNECT),
    _Row(
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        UpstreamUnreachable,
        "no connection through the proxy before the upstream",
        _CONNECT,
    ),
    _Row((aiohttp.ClientConnectorDNSError,), UpstreamUnreachable, "the upstream's name is not known", _CONNECT),
    _Row((aiohttp.ClientConnectorError,), UpstreamUnreachable, "the upstream refused the connection", _CONNECT),
    _Row((aiohttp.ClientResponseError,), UpstreamProtocolError, "the upstream's response is not HTTP"),
    _Row((GarbledBody,), UpstreamProtocolError, "the framing of the upstream's response is broken"),
    _Row((aiohttp.ClientPayloadError,), UpstreamConnectionLost, "the upstream's response broke off"),
    _Row((aiohttp.ClientConnectionError, OSError), UpstreamConnectionLost, "the upstream's connection broke"),
    _Row((aiohttp.ClientError,), UpstreamProtocolError, "the exchange with the upstream failed"),
)


def error_of(exc: BaseException, *, stage: Stage, pool_full: bool = False) -> UpstreamError:
    """Returns our error for one of `FAILURES`, raised while the exchange was at `stage`.

    `pool_full` says that all connections allowed to this upstream are in use, so that a wait for one ended in vain.
    """
    if pool_full and isinstance(exc, aiohttp.ConnectionTimeoutError):
        return UpstreamOverloaded("all connections to the upstream are in use", stage=_CONNECT)
    row = next(row for row in _TABLE if isinstance(exc, row.raised))
    error = row.becomes(row.message, stage=row.stage or stage)
    error.__cause__ = _reason(exc)
    return error


def _reason(exc: BaseException) -> BaseException | None:
    found = (getattr(exc, "os_error", None), getattr(exc, "certificate_error", None), exc.__cause__, exc)
    return next((e for e in found if isinstance(e, OSError) and not isinstance(e, aiohttp.ClientError)), None)
