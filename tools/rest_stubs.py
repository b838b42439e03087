"""Compares the committed Go stubs of clients/rest with proto/ and api.yaml, or renews them: `--check | --write`.

Runs buf with the plugins that clients/rest/tools/go.mod pins; nothing comes from a registry of plugins.
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
SERVED = ("admin", "gateway")  # the packages that api.yaml has routes for
TEMPLATE = "clients/rest/buf.gen.yaml"


def generate(out: Path) -> None:
    """Writes the stubs below `out`; raises CalledProcessError where a plugin refuses."""
    packages = [f"--path=proto/triphase/{name}" for name in SERVED]
    subprocess.run(["buf", "generate", "--template", TEMPLATE, "-o", str(out), *packages], cwd=ROOT, check=True)
    shutil.copy(COMMITTED / "swagger.go", out)  # written by hand


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
