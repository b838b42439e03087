"""Checks of model repositories that callers asked for: at the end of each one line of the log, and two metrics.

Rule: nothing of a repository is told, nor the name of one, which is a caller's word; only how a check ended, how much
it found and how long that took. What it found is the caller's to read.
"""

import logging
from collections.abc import Callable
from typing import Any

from triphase_server.core.errors import GatewayError
from triphase_server.service.ports import CheckObserver, CheckOutcome
from triphase_server.telemetry.families import CHECK_DURATION, CHECKS, Family
from triphase_server.telemetry.log import CANCELLED, class_name, rounded, word_for

_log = logging.getLogger("triphase.checks")


class CheckLog:
    """A CheckObserver that logs each check when it ends, and tells `metrics` where there is one.

    A check that failed is a WARNING; whatever it found, and whether the caller went away, is INFO.
    """

    def __init__(
        self, *, metrics: CheckObserver | None = None, reason_of: Callable[[GatewayError], str] = class_name
    ) -> None:
        self._metrics = metrics
        self._reason_of = reason_of

    def checked(self, outcome: CheckOutcome) -> None:
        """Logs one line."""
        word = word_for(outcome.error, reason_of=self._reason_of)
        level = logging.WARNING if word not in ("", CANCELLED) else logging.INFO
        fields: dict[str, object] = {
            "outcome": word or outcome.verdict,
            "findings": None if word else outcome.findings,
            "waited_s": rounded(outcome.waited_s),
            "total_s": rounded(outcome.total_s),
        }
        if isinstance(outcome.error, GatewayError):
            fields |= outcome.error.metadata
        _log.log(level, "check", extra={"fields": fields})
        if self._metrics is not None:
            self._metrics.checked(outcome)


class CheckMetrics:
    """A CheckObserver that counts; `series` gives those of a metric, `reason_of` the word that callers know."""

    def __init__(
        self, series: Callable[[Family], Callable[..., Any]], *, reason_of: Callable[[GatewayError], str]
    ) -> None:
        self._checks = series(CHECKS)
        self._duration = series(CHECK_DURATION)
        self._reason_of = reason_of

    def checked(self, outcome: CheckOutcome) -> None:
        """Counts a check."""
        error_type = word_for(outcome.error, reason_of=self._reason_of)
        self._checks(outcome.verdict, error_type).inc()
        self._duration(error_type).observe(outcome.total_s)
