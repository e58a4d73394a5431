"""Games to look at: played once, kept as records, written as `.gior`, drawn for the report."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.arrays import Int32
from engine.record import Record, layout_of
from engine.record_replay import replay_of
from engine.replays import encode_gior
from learner.boards import board_svg
from learner.players import Player
from learner.rating import Arena, play_games
from learner.report import Picture

MOMENTS = (0.25, 0.6, 1.0)  # when boards of a game are drawn, as part of its turns


def record_games(players: Sequence[Player], arena: Arena, games: int) -> list[Record]:
    """Play games of an arena and keep them as records; the players take the seats in their order."""
    batch = arena.batch(games)
    batch.reset()
    layouts = [layout_of(batch.game(g)) for g in range(games)]
    turns: list[Int32] = []
    _, lengths = play_games(players, batch, turns.append)
    actions = np.stack(turns)  # (turns, games, seats)
    names = tuple(player.name for player in players)
    return [
        Record.from_actions(
            arena.ruleset.vary(turn_limit=0),  # which no replay of the site can tell
            layouts[g],
            np.ascontiguousarray(actions[: lengths[g], g]),
            id=f"{'-'.join(names)}-{g}".replace(" ", "_"),
            names=names,
        )
        for g in range(games)
    ]


def write_records(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write each record as `.gior`, named by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for record in records:
        path = folder / f"{record.id}.gior"
        path.write_bytes(encode_gior(replay_of(record)))
        paths.append(path)
    return paths


def picture_of(record: Record, seat: int) -> Picture:
    """Some boards of a game, and the first of them as one seat saw it."""
    how = "nobody wins" if record.winner is None or record.winner < 0 else f"{record.names[record.winner]} wins"
    moments = [round(part * record.turns) for part in MOMENTS]
    boards = [(f"turn {turn}", board_svg(record.at(turn))) for turn in moments]
    fog = (f"turn {moments[0]}, as {record.names[seat]} sees it", board_svg(record.at(moments[0]), seat))
    title = f"{record.names[0]} (red) against {record.names[1]} (blue): {how} after {record.turns} turns"
    return Picture(title, (boards[0], fog, *boards[1:]))
