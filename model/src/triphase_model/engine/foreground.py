"""Runs the server in the foreground of a process until a signal or the end of standard input says stop.

Options come from `cli.py`; the server is `server.py`. The announcement is one line of JSON on standard output, for a
parent process (`process.py`).
"""

import asyncio
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from triphase_model.engine.answering import ReferenceEndpoint
from triphase_model.engine.ports import ServedModel
from triphase_model.engine.reasoning_field import ReasoningField
from triphase_model.engine.reference import ReferenceModel
from triphase_model.engine.refusals import Refused
from triphase_model.engine.server import serve
from triphase_model.engine.simulated import Script, SimulatedModel
from triphase_model.engine.simulated.script import decode_script
from triphase_model.engine.stdin_end import call_at_end_of_stdin

_log = logging.getLogger(__name__)


class CannotServe(Exception):
    """The server cannot start; the message is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for; `models` names `reference`, `simulated` or both, `pace` is in tokens/s."""

    models: tuple[str, ...]
    host: str
    port: int
    pace: float
    reasoning_field: ReasoningField
    script: Path | None
    announce: bool
    exit_with_stdin: bool


def run(options: Options) -> None:
    """Serves until told to stop.

    Raises:
        CannotServe: The address cannot be used, or the script file is wrong.
    """
    asyncio.run(_run(options))


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.exit_with_stdin:
        call_at_end_of_stdin(lambda: loop.call_soon_threadsafe(stop.set))
    models = [_made(name, options) for name in options.models]
    try:
        async with serve(models=models, host=options.host, port=options.port, shutdown_timeout_s=0.5) as running:
            _log.info("serving %s at %s", ", ".join(m.name for m in models), running.url)
            if options.announce:
                sys.stdout.write(msgspec.json.encode({"url": running.url}).decode() + "\n")
                sys.stdout.flush()
            await stop.wait()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CannotServe(f"cannot listen on {options.host}:{options.port}: {reason}") from error


def _made(name: str, options: Options) -> ServedModel:
    if name == "simulated":
        return SimulatedModel(_default_script(options.script))
    return ReferenceEndpoint(ReferenceModel.load(), reasoning_field=options.reasoning_field, pace=options.pace)


def _default_script(path: Path | None) -> Script:
    if path is None:
        return Script()
    try:
        return decode_script(path.read_bytes())
    except OSError as error:
        raise CannotServe(f"cannot read {path}: {error.strerror}") from error
    except Refused as refused:
        raise CannotServe(f"{path}: {refused.message}") from refused
