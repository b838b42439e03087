"""Where each worker's admin service listens, and what is refused before any worker is started."""

import socket

import pytest
from triphase_server.rpc.admin.addresses import of_worker, of_workers
from triphase_server.rpc.listening import CannotListen


@pytest.mark.parametrize(
    ("listen", "second"),
    [
        ("127.0.0.1:50052", "127.0.0.1:50053"),
        ("[::1]:50052", "[::1]:50053"),
        ("localhost:9", "localhost:10"),
        ("unix:/run/triphase/admin.sock", "unix:/run/triphase/admin.sock.1"),
    ],
)
def test_the_first_has_the_address_itself_and_the_others_follow(listen: str, second: str) -> None:
    assert (of_worker(listen, 0), of_worker(listen, 1)) == (listen, second)


def test_a_gateway_of_several_needs_as_many_addresses() -> None:
    assert of_workers("unix:/tmp/nobody.sock", workers=3) == tuple(
        f"unix:/tmp/nobody.sock{end}" for end in ("", ".1", ".2")
    )


@pytest.mark.parametrize(
    ("listen", "reason"),
    [
        ("127.0.0.1:0", "several workers need a port from which theirs follow"),
        ("127.0.0.1:65535", "2 workers need as many ports, and there are none"),
        ("unix:/nowhere/at/all.sock", "there is no such folder"),
    ],
)
def test_addresses_that_cannot_be_had(listen: str, reason: str) -> None:
    with pytest.raises(CannotListen) as refused:
        of_workers(listen, workers=2)
    assert str(refused.value) == f"cannot listen on {listen}: {reason}"


def test_a_port_in_use_by_the_side_of_the_first_is_found_before_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen) as refused:
            of_workers(f"127.0.0.1:{port - 1}", workers=2)
    # The one before it may be in use by a stranger too.
    assert str(refused.value).endswith("the port is in use")
