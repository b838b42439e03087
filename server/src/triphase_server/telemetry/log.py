"""Structured logs: one line of `key=value` or JSON for each request, without anyone's text and without secrets.

Only ids, names from the configuration, counts and times are logged; messages of errors are ours (core/errors.py). How
lines get to standard error is `lines.py`.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping

from triphase_server.core.errors import GatewayError
from triphase_server.service.ports import Outcome

CANCELLED = "cancelled"
# What an error is called for which there is no word: any of them is a defect.
DEFECT = "GATEWAY_INTERNAL"
_log = logging.getLogger("triphase.requests")


def class_name(error: GatewayError) -> str:
    """Returns what an error is called in `core/errors.py`, for who has no table of reasons."""
    return type(error).__name__


def word_for(error: BaseException | None, *, reason_of: Callable[[GatewayError], str]) -> str:
    """Returns what whatever ended something is called; empty where nothing did."""
    match error:
        case None:
            return ""
        case GatewayError():
            return reason_of(error)
        case asyncio.CancelledError() | GeneratorExit():
            return CANCELLED
        case _:
            return DEFECT


class RequestLog:
    """An Observer that logs each request when it ends.

    `reason_of` gives the reason that the caller was told, so that what callers report can be found in the log; the
    table of reasons is in `rpc/status.py`.
    """

    def __init__(self, *, reason_of: Callable[[GatewayError], str] = class_name) -> None:
        self._reason_of = reason_of

    def ended(self, outcome: Outcome) -> None:
        """Logs one line: INFO where it was completed or cancelled, WARNING where it failed."""
        level = logging.WARNING if outcome.error is not None else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(level, "request", extra={"fields": fields(outcome, reason_of=self._reason_of)})


def fields(outcome: Outcome, *, reason_of: Callable[[GatewayError], str]) -> dict[str, object]:
    """Returns what is logged of a request; `outcome` is how it finished, or the reason why it did not."""
    logged: dict[str, object] = {
        "response_id": outcome.response_id,
        "route": outcome.route,
        "deployment": outcome.deployment,
        "total_s": rounded(outcome.total_s),
    }
    if outcome.normalized_by:
        logged["normalized"] = ",".join(outcome.normalized_by)
    if outcome.error is not None:
        return {**logged, "outcome": reason_of(outcome.error), **outcome.error.metadata}
    if outcome.completed is None:
        return {**logged, "outcome": CANCELLED}
    usage, timings = outcome.completed.usage, outcome.completed.timings
    return {
        **logged,
        "outcome": outcome.completed.finish_reason.value,
        "first_reasoning_s": rounded(timings.first_reasoning_s),
        "first_output_s": rounded(timings.first_output_s),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def rounded(seconds: float | None) -> float | None:
    """Returns a time in whole microseconds."""
    return None if seconds is None else round(seconds, 6)


class TextFormatter(logging.Formatter):
    """`time LEVEL message key=value …`, for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        pairs = [f"{key}={_word(value)}" for key, value in _extra(record).items() if value not in ("", None)]
        return " ".join([super().format(record), *pairs])


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        line = {"time": self.formatTime(record), "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line | dict(_extra(record)), ensure_ascii=False, default=str)


class LineHandler(logging.Handler):
    """Gives each line to `tell`, which is expected to return at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tells the line of a record."""
        try:
            self._tell(self.format(record))
        except Exception:  # a log must not fail who logs
            self.handleError(record)


def configure(*, level: str, as_json: bool, tell: Callable[[str], None]) -> None:
    """Sends all logs to `tell`, line by line, in one of the two forms; `level` is a name such as `info`."""
    handler = LineHandler(tell)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False  # a traceback on standard error is no answer to a log that cannot be written


def set_level(level: str) -> None:
    """Changes the least level that is logged."""
    logging.getLogger().setLevel(level.upper())


def _extra(record: logging.LogRecord) -> Mapping[str, object]:
    extra: Mapping[str, object] = getattr(record, "fields", {})
    return extra


def _word(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c.isspace() or c in '"=' for c in text) else text
