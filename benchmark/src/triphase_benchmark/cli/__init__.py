"""The command line `triphase-benchmark`: this is its entry, which loads almost nothing by itself.

`app.py` has the commands, `options.py` what their options are, `wanting.py` what follows of them, `failures.py`
what an error says and which exit code it gives. What a command does is in `run/`, which is loaded when one is run.
"""

import os
import signal
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Runs the command line."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own log lines would stand between ours
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so behind nohup
    if interruptible:
        # While modules are loaded there is nothing to undo, and an exception could come out of any line of them.
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from triphase_benchmark.cli.app import run  # noqa: PLC0415 - the signal comes first

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    run()


def _interrupt(_: int, __: FrameType | None) -> None:
    """Ends a run like Ctrl-C: what was measured is kept."""
    raise KeyboardInterrupt
