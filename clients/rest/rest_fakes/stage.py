"""`python -m rest_fakes.stage SHIM`: all that stands behind a browser test, until standard input ends.

The embedded engine at a pace that a person can watch, the scripted engine, a gateway with a route to each, the shim.
Prints one line of JSON: the URL of the shim, and the address of the gateway.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rest_fakes.processes import gateway, shim
from rest_fakes.scripted_engine import configuration, scripted_engine

PACE = "40"


@contextmanager
def paced_engine() -> Iterator[str]:
    """Runs the embedded engine at its pace; gives its base URL."""
    command = [sys.executable, "-m", "triphase_model", "serve", "--model", "reference", "--port", "0", "--pace", PACE]
    options = ["--reasoning-field", "reasoning", "--announce", "--exit-with-stdin"]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def main() -> None:
    """Serves until standard input ends."""
    program = Path(sys.argv[1])
    os.environ["TRIPHASE_REST_BIN"] = str(program.parent)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = re.sub(r"(/v1)?/?$", "/v1", stack.enter_context(paced_engine()))
        text = configuration(stack.enter_context(scripted_engine()))
        text += f"[upstreams.embedded]\nbase_url = '{url}'\n[deployments.reference]\nupstream = 'embedded'\n"
        text += "model = 'triphase-reference'\n[routes.reference]\ndeployments = ['reference']\n"
        (folder / "gateway.toml").write_text(text)
        address = stack.enter_context(gateway("--config", str(folder / "gateway.toml")))
        print(json.dumps({"url": stack.enter_context(shim(address)), "gateway": address}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
