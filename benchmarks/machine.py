"""What every benchmark's result names beside its figures: machine, commit, date."""

import datetime
import json
import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def describe_machine() -> dict[str, str]:
    """Machine, commit and date, as strings."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    commit = ""
    with suppress(OSError):  # no git
        commit = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
    return {
        "machine": f"{os.cpu_count()} cores of {processor}, Python {platform.python_version()}",
        "commit": commit or "unknown",
        "date": datetime.date.today().isoformat(),
    }


def write_result(name: str, figures: dict[str, float]) -> Path:
    """Write build/bench/NAME.json: figure name -> number, plus machine, commit, date."""
    path = ROOT / "build" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**figures, **describe_machine()}, indent=2) + "\n")
    return path
