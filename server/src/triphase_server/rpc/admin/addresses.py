"""Where the admin service of each worker listens, all of it derived from the one address of the configuration.

Rule: the first worker has that address itself, so that a gateway alone and the first of several are found alike; the
others have the next ports, or the same path with `.1`, `.2`, … after it. Nothing of gRPC is here, since the supervisor
derives them too. Whether an address can be had is `rpc/listening.py`; who asks all of them, `client.py`.
"""

from pathlib import Path

from triphase_server.rpc.listening import CannotListen, check_free, host_and_port

# What clients try where nobody says another one. The service itself is off unless the operator gives it an address.
USUAL = "127.0.0.1:50052"
_LAST_PORT = 65535


def is_unix(listen: str) -> bool:
    """Whether an address is the path of a socket."""
    return listen.startswith("unix:")


def path_of(listen: str) -> Path:
    """Returns the path of an address that is one."""
    return Path(listen.removeprefix("unix:"))


def of_worker(listen: str, place: int) -> str:
    """Returns where the worker in a place listens, from 0; its port may be one that there is not."""
    if place == 0:
        return listen
    if is_unix(listen):
        return f"{listen}.{place}"
    host, _, port = listen.rpartition(":")
    return f"{host}:{int(port) + place}"


def of_workers(listen: str, *, workers: int) -> tuple[str, ...]:
    """Returns where each of several workers is to listen; raises CannotListen where one cannot."""
    if not is_unix(listen):
        _, port = host_and_port(listen)
        if port == 0:
            raise CannotListen(f"cannot listen on {listen}: several workers need a port from which theirs follow")
        if port + workers - 1 > _LAST_PORT:
            raise CannotListen(f"cannot listen on {listen}: {workers} workers need as many ports, and there are none")
    addresses = tuple(of_worker(listen, place) for place in range(workers))
    for address in addresses:
        check_free(address)
    return addresses
