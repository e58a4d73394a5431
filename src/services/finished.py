"""Where finished games go: whoever takes them in implements `Finished`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from store.ratings import Player


@dataclass(frozen=True)
class FinishedGame:
    """A game that has ended, told in full."""

    game_id: str
    players: tuple[Player, ...]  # by seat
    winner: int  # seat; -1: drawn
    turns: int
    ruleset: str
    finished_ms: int  # Unix time; the same however often the game is delivered
    record: bytes  # `engine.record.Record.to_bytes`


class Finished(Protocol):
    """Takes finished games in."""

    async def deliver(self, games: Sequence[FinishedGame]) -> None:
        """Take games in, at most 100; returning acknowledges all of them.

        Until then they stay in the server's log and are delivered again, after an exception or the server's death, so
        a game may come more than once: count it by its id.
        """
