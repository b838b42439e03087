"""`triphase-server demo`: the embedded engine, a gateway and one request, to be watched by a person.

Everything is real: the engine is a process of its own, the request travels by gRPC, the answer is the model's. Only the
pace is chosen, since the tiny model would be done before anyone saw its phases.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from rich.console import Console
from triphase_client import Client, TriphaseError
from triphase_client.display import Display

from triphase_server.app.embedded import embedded_engine
from triphase_server.app.gateway import running
from triphase_server.app.stopping import stop_on_signals


class DemoFailed(Exception):
    """The request failed; the message says why, in one line."""


async def run_demo(
    prompt: str,
    *,
    pace: float,
    effort: str,
    verbose: bool,
    console: Console | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Runs the demo on the terminal, or on `console`; raises DemoFailed, and what starting raises.

    With `ready` it stays after the answer until a signal comes, and tells the gateway's address by it.
    """
    stop = asyncio.Event()
    if ready:
        stop_on_signals(stop)
    console = console or Console()
    console.print(_introduction(pace), style="dim", highlight=False)
    console.print()
    # The one request fails by the end of the engine; afterwards that is a stop like any other.
    engine = embedded_engine("127.0.0.1:0", stop=stop, pace=pace)
    async with engine as config, running(config) as gateway, Client(gateway.address) as client:
        model = next(iter(config.routes))
        stream = client.stream(prompt=prompt, model=model, effort=effort)
        try:
            with Display(console, verbose=verbose, show_timings=True) as display:
                async with aclosing(stream) as events:
                    async for event in events:
                        display.feed(event)
        except TriphaseError as error:
            raise DemoFailed(str(error)) from error
        if ready:
            ready(gateway.address)
            await stop.wait()


def _introduction(pace: float) -> str:
    speed = f"paced to about {pace:g} tokens/s so that you see the phases grow (--pace 0 = full speed)"
    at_full_speed = "at full speed"
    return f"A real model of 1.3 million parameters that does arithmetic, {speed if pace else at_full_speed}."
