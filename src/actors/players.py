"""Players by name: the bots of the engine, the scout, and trained policies in files."""

from functools import partial
from pathlib import Path

from actors.bot_mind import BotMind, Player
from engine.bots import BOTS
from engine.bots.scout import PLAYERS, SCOUT


def bot_player(name: str, weights: Path | None = None) -> Player:
    """One of PLAYERS. weights: those of a scout taught on one's own games, in place of the ones in the box.

    Raises ValueError for another name, SnapshotError for weights that cannot be read.
    """
    if name == SCOUT:
        from actors.scout_mind import ScoutMind  # brings torch
        from learner.scout import WEIGHTS, load_scout

        return Player(name, partial(ScoutMind, load_scout(weights or WEIGHTS)))
    if name not in BOTS:
        raise ValueError(f'bot "{name}" is unknown; known: {", ".join(PLAYERS)}')
    return Player(name, partial(BotMind, name))


def policy_player(path: Path, temperature: float = 1.0) -> Player:
    """A policy, `path`.safetensors with `path`.json: see `PolicyMind`. Raises SnapshotError, ValueError."""
    from actors.policy_mind import PolicyMind, trained_board  # brings torch
    from learner.snapshot import load_policy

    snapshot = load_policy(path)
    board = trained_board(path, snapshot.about)
    player = Player(path.name, lambda seed: PolicyMind(path.name, snapshot.policy, board, seed, temperature))
    player.mind(0)  # a temperature that cannot be is told now
    return player
