"""Compares what clients/rest has of proto/ and api.yaml with them, or renews it: `--check | --write`.

That is the handlers of the routes and their description, as OpenAPI 2 and 3.1; messages and services are those of
clients/go. Runs buf with the plugins that clients/rest/tools/go.mod pins; nothing comes from a registry of plugins.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from codegen import differences

ROOT = Path(__file__).parent.parent
COMMITTED = ROOT / "clients/rest/internal/gen"
TEMPLATE = "clients/rest/buf.gen.yaml"


def generate(out: Path) -> None:
    """Writes all of it below `out`; raises CalledProcessError where a plugin refuses."""
    subprocess.run(["buf", "generate", "--template", TEMPLATE, "-o", str(out)], cwd=ROOT, check=True)
    for written_by_hand in COMMITTED.glob("*.go"):
        shutil.copy(written_by_hand, out)
    newer = subprocess.run(
        ["go", "-C", "clients/rest", "run", "./internal/convert", str(out / "triphase.swagger.json")],
        cwd=ROOT, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    (out / "triphase.openapi.json").write_bytes(newer.stdout)


def main() -> int:
    """Returns the exit code: 1 where the committed stubs are not those of proto/."""
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="change nothing, and tell every difference")
    mode.add_argument("--write", action="store_true", help="replace the committed stubs")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory() as temporary:
        generate(Path(temporary))
        found = differences(COMMITTED, Path(temporary))
        if not check:
            shutil.rmtree(COMMITTED)
            shutil.copytree(temporary, COMMITTED)
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return int(bool(found) and check)


if __name__ == "__main__":
    sys.exit(main())
