"""Recorded games to learn from."""

import numpy as np

from engine.batch import GameBatch
from engine.board import MAP_HEIGHT, MAP_WIDTH
from engine.compile import OneThread
from engine.layout import Layout
from engine.record import Record
from engine.rulesets import replay_ruleset


def played(seed, turns=50):
    """A game of bots on the site's maps: its record, and words and vectors of every turn, (turns, 2, ...)."""
    batch = GameBatch(replay_ruleset(13), 1, seed, board="site", autoreset="off")
    batch.reset()
    height, width = (int(side) for side in batch.rows[0, [MAP_HEIGHT, MAP_WIDTH]])
    game = batch.game(0)
    layout = Layout(
        game.kinds[:height, :width].copy(),
        game.armies[:height, :width].copy(),
        np.maximum(game.owners[:height, :width], -1).astype(np.int8),
        tuple(tile // batch.width * width + tile % batch.width for tile in game.generals),
    )
    words, vectors, actions = [], [], []
    with OneThread():
        for _ in range(turns):
            words.append(batch.view.view[0].copy())
            vectors.append(batch.view.vector[0].copy())
            chosen = batch.bot_actions(["hunter", "expander"])
            actions.append(chosen[0].copy())
            if batch.step(chosen)[2][0]:
                break
    wide = np.array(actions)
    tile, rest = np.divmod(wide - 1, 8)
    narrow = np.where(wide > 0, 1 + 8 * (tile // batch.width * width + tile % batch.width) + rest, 0)
    record = Record.from_actions(
        replay_ruleset(13), layout, narrow.astype(np.int32), id=f"game{seed}", names=("a", "b")
    )
    return record, np.array(words), np.array(vectors), wide
