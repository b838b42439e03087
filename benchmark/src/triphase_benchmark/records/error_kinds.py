"""The kinds of failures of a request, as the column `error` has them."""

from enum import StrEnum


class ErrorKind(StrEnum):
    """Why a request counts as failed. A request has succeeded if it has at least one token chunk and none of these."""

    CONNECT = "connect"  # no connection, or none in time
    STATUS = "status"  # an HTTP or gRPC status that is no success
    RESET = "reset"  # the connection broke before the end
    TRUNCATED = "truncated"  # the stream ended without its end mark and without a finish reason
    TIMEOUT = "timeout"  # not whole within the request's time
    PROTOCOL = "protocol"  # not HTTP, not SSE, not JSON, or not a chunk
    IN_BAND = "in_band"  # an error frame inside a stream that had begun well
    EMPTY = "empty"  # ended well, without a single token
    LENGTH = "length"  # another number of tokens than it was made to give
    UNSENT = "unsent"  # the run ended before it was due
    DROPPED = "dropped"  # its answer was cut off by the end of the run
