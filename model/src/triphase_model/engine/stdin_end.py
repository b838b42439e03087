"""Tells when standard input ends, as it does when the process that started this one dies."""

import logging
import os
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


def call_at_end_of_stdin(call: Callable[[], object]) -> None:
    """Watches standard input from a thread: a loop can watch a pipe, but not every kind of standard input."""

    def watch() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            _log.debug("standard input cannot be read")
        try:
            call()
        except RuntimeError:
            _log.debug("the server has stopped already")

    threading.Thread(target=watch, name="standard-input", daemon=True).start()
