"""Reloads of the configuration as metrics: how many, how they ended, and when the last of each kind was.

Rule: counted where the file is read, by a gateway alone or by the supervisor of several; workers count none. Nothing of
Prometheus is imported here, since the results are named where metrics are off, too. What they mean is `app/reload.py`.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from triphase_server.telemetry import families
from triphase_server.telemetry.families import Family


class ReloadResult(StrEnum):
    """What became of a configuration that was read again; `unchanged` is one that says what is in force."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class ReloadMetrics:
    """Counts; `series` gives the function from a family's label values to their series."""

    def __init__(
        self, series: Callable[[Family], Callable[..., Any]], *, unix_time: Callable[[], float] = time.time
    ) -> None:
        self._reloads = series(families.RELOADS)
        self._at = series(families.LAST_RELOAD)
        self._unix_time = unix_time
        for result in ReloadResult:
            self._reloads(result.value)  # from zero on, so that the first one is an increase
        self._at(ReloadResult.APPLIED.value).set(unix_time())  # what the process began with

    def reloaded(self, result: ReloadResult) -> None:
        """Counts one."""
        self._reloads(result.value).inc()
        self._at(result.value).set(self._unix_time())


def not_counted(_: ReloadResult) -> None:
    """Stands where no metrics are kept."""
