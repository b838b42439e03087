"""The machine that measured, for the manifest: whatever makes figures of two machines differ, as far as it tells.

Its rule: facts without names. No host name, user or path is kept; what cannot be had is left out, and never a reason
to fail.
"""

import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

_NVIDIA_SMI = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
_WAIT_S = 5.0


def machine_facts() -> dict[str, str]:
    """All of them, by name."""
    facts = {
        "cpu": _cpu(),
        "cores": str(_cores()),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "gpu": _gpus(),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    with suppress(OSError, UnicodeDecodeError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()


def _memory() -> str:
    with suppress(OSError, ValueError, AttributeError):
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"
    return ""


def _gpus() -> str:
    try:
        told = subprocess.run(_NVIDIA_SMI, capture_output=True, text=True, timeout=_WAIT_S, check=False)  # noqa: S603 - a constant
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return "; ".join(line.strip() for line in told.stdout.splitlines() if line.strip()) if told.returncode == 0 else ""
