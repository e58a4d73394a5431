"""A game server as a process of its own, for tests that kill it.

Run: python game_process.py FOLDER DELIVERED take|hold. Finished games are written to the file DELIVERED, a line each,
and acknowledged; with `hold` they are written and never acknowledged.
"""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from services.finished import FinishedGame
from services.game_server import serve_games
from services.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


class File:
    """Takes finished games into a file."""

    def __init__(self, path: Path, hold: bool) -> None:
        self.path, self.hold = path, hold

    async def deliver(self, games: Sequence[FinishedGame]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            for game in games:
                line = {"id": game.game_id, "turns": game.turns, "winner": game.winner, "ms": game.finished_ms}
                file.write(json.dumps({**line, "record": game.record.hex()}) + "\n")
        if self.hold:
            await asyncio.Event().wait()


class GameProcess:
    """The process, from outside."""

    def __init__(self, folder: Path, delivered: Path, how: str = "take") -> None:
        command = [sys.executable, __file__, str(folder), str(delivered), how]
        environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        self.address = self._address()
        assert self.process.stderr is not None
        rest = self.process.stderr
        self._rest = threading.Thread(target=rest.read, daemon=True)  # or a full pipe would hold it up
        self._rest.start()

    def _address(self) -> str:
        assert self.process.stderr is not None
        said = []
        while line := self.process.stderr.readline():
            said.append(line)
            if '"event": "serving"' in line:
                return str(json.loads(line)["address"])
        raise AssertionError(f"the server ended before it served: {''.join(said)}")

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        status = self.process.wait(timeout=60)
        self._rest.join(timeout=60)
        return status


if __name__ == "__main__":
    folder, delivered, how = sys.argv[1:]
    asyncio.run(serve_games(Path(folder), Settings(grace_s=1.0), File(Path(delivered), how == "hold")))
