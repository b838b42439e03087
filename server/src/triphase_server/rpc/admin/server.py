"""The listener of the admin service: a server of its own, so that callers never reach it, nor keep it busy.

Rule: a socket is its owner's alone (mode 0600) from the moment that it exists, and what a dead server left in its place
is replaced, never one that somebody listens on. A port of loopback is open to everyone on the machine. Which addresses
may be configured is `config/kinds.py`; those of several workers are `addresses.py`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import grpc
from grpc_reflection.v1alpha import reflection
from triphase.admin.v1 import AdminServiceServicer, add_AdminServiceServicer_to_server

from triphase_server.rpc.admin.addresses import is_unix, path_of
from triphase_server.rpc.admin.servicer import AdminServicer
from triphase_server.rpc.listening import CannotListen, check_free
from triphase_server.rpc.undecodable import ReadsAnything

SERVICE = "triphase.admin.v1.AdminService"

_FAREWELL_S = 1.0
_OTHERS_BITS = 0o177  # all but reading and writing by the owner
_OPTIONS = [
    # With it two servers share a port in silence, and each would answer for the other.
    ("grpc.so_reuseport", 0),
    # A request is a name.
    ("grpc.max_receive_message_length", 64 * 1024),
]


@asynccontextmanager
async def serving(servicer: AdminServicer, *, listen: str) -> AsyncIterator[str]:
    """Serves at `host:port` or `unix:path` and gives the address with the port that was taken; raises CannotListen."""
    server = grpc.aio.server(options=_OPTIONS, interceptors=(ReadsAnything(),))
    # The servicer's context is the Protocol of `context.py`; the generated base wants gRPC's own.
    add_AdminServiceServicer_to_server(cast("AdminServiceServicer", servicer), server)
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server)
    check_free(listen)
    port = _bound(server, listen)
    await server.start()
    try:
        yield listen if is_unix(listen) else f"{listen.rpartition(':')[0]}:{port}"
    finally:
        if is_unix(listen):
            # While nobody else can have taken its place, so that the socket of a successor is never removed.
            path_of(listen).unlink(missing_ok=True)
        await server.stop(_FAREWELL_S)


def _bound(server: grpc.aio.Server, listen: str) -> int:
    # The mask is the process's: nothing else runs meanwhile, and no thread of ours creates files.
    before = os.umask(_OTHERS_BITS)
    try:
        return server.add_insecure_port(listen)
    except RuntimeError as error:
        raise CannotListen(f"cannot listen on {listen}: it was refused") from error
    finally:
        os.umask(before)
