"""`triphase-server serve --rest`: a gateway, and the real shim beside it, built by Go."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest


def read(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body


@pytest.mark.parametrize("workers", ["1", "2"])
def test_one_command_serves_both_and_ends_both(workers: str) -> None:
    command = [sys.executable, "-m", "triphase_server", "serve", "--listen", "127.0.0.1:0", "--workers", workers]
    command += ["--rest", "--rest-listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if line.startswith("triphase-rest is listening on "))
            url = line.split()[-1]
            assert json.loads(read(f"{url}/healthz")) == {"status": "SERVING"}
            assert b"<title>Triphase playground</title>" in read(f"{url}/")
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
        assert process.wait() == 0
    with pytest.raises(OSError, match="refused"):
        read(f"{url}/healthz")
