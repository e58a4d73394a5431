"""Who plays the seats that the learner does not."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.actions import as_codes
from engine.arrays import Int32
from engine.batch import GameBatch
from engine.bots import find_bot
from engine.envs.forms import Form, action_mask, observe

# A bot's name, or a function from an observation to an action code: policy(observation), or
# policy(observation, action_mask). It gets what a learner in its seat would get, in the form the environment uses.
# A function with a true attribute `batched` is asked once for all games: its observations and masks have a leading axis
# (G, ...), and it returns integers (G,).
Policy = Callable[..., Any]
Opponent = str | Policy


class _Player(NamedTuple):
    policy: Policy
    masked: bool  # takes the action mask as well
    batched: bool


class Opponents:
    """The opponents at a table of `seats`, of which the learner has `seat`.

    One opponent plays every other seat, or a sequence names one for each, in order of seats. Raises ValueError for an
    unknown bot or a wrong number.
    """

    def __init__(self, opponent: Opponent | Sequence[Opponent], seats: int, seat: int) -> None:
        others = [other for other in range(seats) if other != seat]
        several = isinstance(opponent, Sequence) and not isinstance(opponent, str)
        chosen: list[Opponent] = (
            list(opponent) if several else [opponent] * len(others)  # type: ignore[arg-type,list-item]
        )
        if len(chosen) != len(others):
            raise ValueError(
                f"{len(chosen)} opponents are given; accepted: one, or one for each of {len(others)} seats"
            )
        self._bots: list[str | None] = [None] * seats
        self._players: dict[int, _Player] = {}
        for other, one in zip(others, chosen, strict=True):
            if isinstance(one, str):
                find_bot(one)
                self._bots[other] = one
            elif callable(one):
                self._players[other] = _Player(one, _required(one) >= 2, bool(getattr(one, "batched", False)))
            else:
                raise ValueError(f"opponent {one!r} is not understood; accepted: a bot's name, or policy(observation)")
        self._any_bot = any(self._bots)

    def actions(self, batch: GameBatch, form: Form, games: Int32 | None = None) -> Int32:
        """What the opponents play now, int32 (G, S), 0 at the learner's seat; of `games`, int32 (K,), alone: (K, S)."""
        if self._any_bot:
            actions = batch.bot_actions(self._bots, games)
        else:
            actions = np.zeros((batch.num_games if games is None else len(games), batch.seats), np.int32)
        for seat, player in self._players.items():
            if player.batched:
                at = (slice(None) if games is None else games, seat)
                actions[:, seat] = _codes(_ask(player, batch, form, at), len(actions), seat)
            else:
                for i, game in enumerate(range(batch.num_games) if games is None else games):
                    actions[i, seat] = _codes([_ask(player, batch, form, (int(game), seat))], 1, seat)[0]
        return actions


def _required(policy: Policy) -> int:
    """How many arguments a function must be given."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(policy).parameters.values()
    return sum(parameter.kind in kinds and parameter.default is parameter.empty for parameter in parameters)


def _ask(player: _Player, batch: GameBatch, form: Form, at: Any) -> Any:
    seen = observe(batch.observe(), at)
    if player.masked:
        return player.policy(form.encode(seen), action_mask(seen.mask, batch.castles))
    return player.policy(form.encode(seen))


def _codes(answer: Any, count: int, seat: int) -> Int32:
    try:
        return as_codes(answer, (count,))
    except ValueError as error:
        raise ValueError(f"policy of seat {seat}: {error}") from None
