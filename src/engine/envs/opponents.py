"""Who plays the seats that the learner does not."""

from collections.abc import Callable, Sequence

import numpy as np

from engine.arrays import Int32
from engine.batch import GameBatch
from engine.bots import find_bot
from engine.envs.forms import observe
from engine.observation import Observation

# A bot's name, or a function from what its seat observes to an action code. A function with a true attribute `batched`
# is asked once for all games: it gets observations with a leading axis (G, ...) and returns int32 (G,).
Policy = Callable[[Observation], int | Int32]
Opponent = str | Policy


class Opponents:
    """The opponents at a table of `seats`, of which the learner has `seat`.

    One opponent plays every other seat, or a sequence names one for each, in order of seats. Raises ValueError for an
    unknown bot or a wrong number.
    """

    def __init__(self, opponent: Opponent | Sequence[Opponent], seats: int, seat: int) -> None:
        others = [other for other in range(seats) if other != seat]
        several = isinstance(opponent, Sequence) and not isinstance(opponent, str)
        chosen: list[Opponent] = list(opponent) if several else [opponent] * len(others)  # type: ignore[arg-type,list-item]
        if len(chosen) != len(others):
            raise ValueError(
                f"{len(chosen)} opponents are given; accepted: one, or one for each of {len(others)} seats"
            )
        self._bots: list[str | None] = [None] * seats
        self._policies: dict[int, Policy] = {}
        for other, one in zip(others, chosen, strict=True):
            if isinstance(one, str):
                find_bot(one)
                self._bots[other] = one
            elif callable(one):
                self._policies[other] = one
            else:
                raise ValueError(f"opponent {one!r} is not understood; accepted: a bot's name, or policy(observation)")
        self._any_bot = any(self._bots)

    def actions(self, batch: GameBatch, games: Int32 | None = None) -> Int32:
        """What the opponents play now, int32 (G, S), 0 at the learner's seat; of `games`, int32 (K,), alone: (K, S)."""
        if self._any_bot:
            actions = batch.bot_actions(self._bots, games)
        else:
            actions = np.zeros((batch.num_games if games is None else len(games), batch.seats), np.int32)
        for seat, policy in self._policies.items():
            if getattr(policy, "batched", False):
                actions[:, seat] = policy(observe(batch.observe(), (slice(None) if games is None else games, seat)))
            else:
                for i, game in enumerate(range(batch.num_games) if games is None else games):
                    actions[i, seat] = policy(observe(batch.observe(), (int(game), seat)))
        return actions
