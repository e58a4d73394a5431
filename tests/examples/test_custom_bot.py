"""The example bot runs as its docstring says, and is no bad player."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_custom_bot_beats_random() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / "examples" / "custom_bot.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    found = re.search(r"crowd won (\d+) of 20 games against random", printed)
    assert found, printed
    assert int(found[1]) >= 15
