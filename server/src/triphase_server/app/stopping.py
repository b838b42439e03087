"""What tells a process to stop: a signal, which sets an event.

Rule: the first signal begins an orderly stop, the second one has its usual effect. What a stop does is `serve.py` and
`workers.py`; what tells a worker that its supervisor has gone is `handover.py`.
"""

import asyncio
import os
import signal
from collections.abc import Callable

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals(stop: asyncio.Event, *, again: Callable[[], None] | None = None) -> None:
    """Lets the first SIGTERM or SIGINT set `stop`; the second calls `again`, if given, before its usual effect."""
    loop = asyncio.get_running_loop()

    def begin(_number: signal.Signals) -> None:
        stop.set()
        _unhandle(loop)
        if again is not None:
            _handle(loop, end)

    def end(number: signal.Signals) -> None:
        assert again is not None
        again()
        _unhandle(loop)
        os.kill(os.getpid(), number)

    _handle(loop, begin)


def _handle(loop: asyncio.AbstractEventLoop, call: Callable[[signal.Signals], None]) -> None:
    for number in _SIGNALS:
        loop.add_signal_handler(number, call, number)


def _unhandle(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        loop.remove_signal_handler(number)
