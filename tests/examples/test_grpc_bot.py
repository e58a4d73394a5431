"""The example bot plays a whole game over the network."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.services.game_server import local_server

ROOT = Path(__file__).resolve().parents[2]


def test_the_bot_plays_a_game(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with local_server(tmp_path) as (server, client):
        command = [sys.executable, str(ROOT / "examples" / "grpc_bot.py"), server.address]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        found = re.fullmatch(r"game (\w+): (won|not won) after (\d+) turns\n", printed)
        assert found, printed
        record = client.replay(found[1])
    assert record.turns == int(found[3])
    assert (record.winner == 0) == (found[2] == "won")
