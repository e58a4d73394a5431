"""The log of the game server: every event of every game, on disk before anybody is told of it.

A folder holds segments, `games-000001.jsonl` and so on; a line is an event as JSON with the game's id under "game". One
write a batch of events and no fsync: what was acknowledged outlives the process, `kill -9` included, but not a power
cut. A line that was cut off was never acknowledged and is cut away.

Segments do not pile up: when there are more than `keep`, the games of the oldest that are still needed are written
whole into the newest, and the oldest goes.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from services.metrics import LOG_BYTES
from store.lock import lock_file

Event = dict[str, Any]
SEGMENT_BYTES = 16 << 20
KEEP = 4
_encode = json.JSONEncoder(separators=(",", ":")).encode


class GameLog:
    """The log in a folder. `whole` gives the one event that stands for all of a game; None for a game that is done.

    Raises BlockingIOError where another server has the folder.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, keep: int = KEEP) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.segment_bytes, self.keep = folder, segment_bytes, keep
        self.whole: Callable[[str], Event | None] = lambda game: None
        try:
            self._lock = lock_file(folder / "lock")
        except BlockingIOError:
            raise BlockingIOError(f"{folder} is in use by another game server") from None
        self._segments: list[tuple[Path, set[str]]] = [(path, set()) for path in sorted(folder.glob("games-*.jsonl"))]
        self._file = -1
        self._size = 0

    def events(self) -> Iterator[Event]:
        """All events that were kept, in order; then the log is ready for more. Raises ValueError for a damaged log."""
        for path, games in self._segments:
            data = path.read_bytes()
            end = data.rfind(b"\n") + 1
            if end < len(data):
                with path.open("r+b") as file:
                    file.truncate(end)
            for number, line in enumerate(data[:end].splitlines(), start=1):
                try:
                    event = json.loads(line)
                    games.add(event["game"])
                except (ValueError, KeyError, TypeError):
                    raise ValueError(f"{path}, line {number} is damaged; accepted: an event as JSON") from None
                yield event
        self._begin_segment()

    def append(self, events: Iterable[Event]) -> None:
        """Write events. Raises OSError where the disk does not take them; then none of them is in the log."""
        events = list(events)
        if not events:
            return
        if self._size >= self.segment_bytes:  # before these: all that is written has changed its game by now
            self._begin_segment()
        data = "".join(_encode(event) + "\n" for event in events).encode()
        self._write(data)
        self._segments[-1][1].update(event["game"] for event in events)
        LOG_BYTES.set(self._size + (len(self._segments) - 1) * self.segment_bytes)

    def _write(self, data: bytes) -> None:
        try:
            done = 0
            while done < len(data):
                done += os.write(self._file, data[done:])
        except OSError:
            os.ftruncate(self._file, self._size)  # a line in the middle that was cut off would spoil all after it
            raise
        self._size += len(data)

    def _begin_segment(self) -> None:
        number = int(self._segments[-1][0].stem.removeprefix("games-")) + 1 if self._segments else 1
        path = self.folder / f"games-{number:06d}.jsonl"
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size = opened, 0
        self._segments.append((path, set()))
        while len(self._segments) > self.keep:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        path, games = self._segments[0]
        for game in sorted(games):
            event = self.whole(game)
            if event is not None:
                self._write((_encode({**event, "game": game}) + "\n").encode())
                self._segments[-1][1].add(game)
        path.unlink()
        del self._segments[0]

    def close(self) -> None:
        """Write no more; again: nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._lock.close()
