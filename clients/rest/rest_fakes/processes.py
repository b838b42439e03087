"""The programs that tests of the shim run, each on a free port of loopback, until the test is done with it."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LISTENS = r"is listening on (\S+)"


@contextmanager
def listening(command: Sequence[str], pattern: str = LISTENS) -> Iterator[str]:
    """Runs a program until it says where it listens; ends it afterwards."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(pattern, line):
                    threading.Thread(target=process.stderr.read, daemon=True).start()  # or its pipe would fill
                    yield found[1]
                    return
            raise AssertionError(f"{command[0]} ended with {process.wait()}")
        finally:
            process.terminate()
            process.wait()


@contextmanager
def shim(*gateways: str, options: Sequence[str] = ()) -> Iterator[str]:
    """Runs the shim before gateways; gives its URL."""
    command = [os.environ["TRIPHASE_REST_BIN"] + "/triphase-rest", "--listen", "127.0.0.1:0", *options]
    for address in gateways:
        command += ["--gateway", address]
    with listening(command) as url:
        yield url


@contextmanager
def gateway(*options: str) -> Iterator[str]:
    """Runs a gateway; gives its address."""
    with listening([sys.executable, "-m", "triphase_server", "serve", "--listen", "127.0.0.1:0", *options]) as address:
        yield address
