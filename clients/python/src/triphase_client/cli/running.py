"""Opening a client for a command, and the event loop that it lives in."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from triphase_client.client import Client


@contextmanager
def running(target: str, *, tls: bool, ca: Path | None) -> Iterator[tuple[Client, asyncio.Runner]]:
    """Opens a client, and the loop that it lives in."""
    credentials = grpc.ssl_channel_credentials(ca.read_bytes() if ca else None) if tls or ca else None
    with asyncio.Runner() as runner:
        client = Client(target, channel_credentials=credentials)
        try:
            yield client, runner
        finally:
            runner.run(client.close())
