"""The games behind an environment: which seats it plays, who plays the others, when an episode ends for it.

No library's interface is known here; all of them are adapters of this class.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from engine.actions import as_codes
from engine.arrays import Bool, Float32, Int32
from engine.batch import CHUNK
from engine.board import INVALID, OUT, RUNNING, STATUS, TEAM, TURN, WINNER
from engine.compile import OneThread
from engine.envs.forms import action_mask, observe
from engine.envs.opponents import Opponent, Opponents
from engine.envs.settings import EnvSettings
from engine.observation import Observation

SEED_LIMIT = 2**62  # seeds of games stay below it


class Arena:
    """Games of which the environment plays one seat, or with `opponent=None` all of them (then `joint` is true).

    An episode ends with the game, or when the seat that is played and its team are out: with more than two seats a game
    may go on without them.
    """

    def __init__(
        self,
        settings: EnvSettings,
        games: int,
        opponent: Opponent | Sequence[Opponent] | None,
        seat: int,
    ) -> None:
        self.batch = settings.make_batch(games)
        self.form = settings.make_form()
        self.joint = opponent is None
        if not 0 <= seat < self.batch.seats:
            raise ValueError(f"seat is {seat}; accepted: 0 to {self.batch.seats - 1}")
        self.seat = seat
        self.at: Any = slice(None) if opponent is None else seat  # the seats played, as an index
        self.lead = (self.batch.seats,) if opponent is None else ()  # the axis that stands for them
        self._threads: AbstractContextManager[None] = OneThread() if games <= CHUNK else nullcontext()
        self._gone = np.zeros(games, np.bool_)  # out before the game was over, and told so
        self._opponents: Opponents | None = None
        if opponent is not None:
            self.set_opponent(opponent)

    def set_opponent(self, opponent: Opponent | Sequence[Opponent]) -> None:
        """Let others play the seats that the environment does not. Raises ValueError where it plays them all."""
        if self.joint:
            raise ValueError("the environment plays all seats; make it with an opponent to change the opponent")
        self._opponents = Opponents(opponent, self.batch.seats, self.seat)

    def reset(self, seed: int | None, games: Bool | None = None) -> None:
        """Start new episodes: of all games or of those marked, bool (G,). The same seed gives the same games."""
        with self._threads:
            self.batch.reset(None if seed is None else seed % SEED_LIMIT, games)
        self._gone[slice(None) if games is None else games] = False

    def step(self, actions: Any, games: Int32 | None = None) -> tuple[Float32, Bool, Bool]:
        """Play a turn of every game, or of K different ones: `games`, int32 (K,); K then stands for G below.

        actions: integers (G,), or (G, S) where all seats are played. Returns reward float32 of the same shape, and
        terminated and truncated, bool (G,). A game whose episode is over waits to be reset. Raises ValueError for
        actions of another shape or type.
        """
        count = self.batch.num_games if games is None else len(games)
        codes = as_codes(actions, (count, *self.lead))
        with self._threads:
            if self._opponents is None:
                played = codes
            else:
                played = self._opponents.actions(self.batch, self.form, games)
                played[:, self.seat] = codes
            _, reward, terminated, truncated, _ = self.batch.step(played, games)
        if self._opponents is None:
            return reward, terminated, truncated
        own = reward[:, self.seat]
        if self.batch.seats > 2:
            at = slice(None) if games is None else games
            gone = self.beaten()[at, self.seat] & (self.winner[at] == RUNNING)
            own[self._gone[at]] = 0.0
            own[gone & ~self._gone[at]] -= 1.0  # on top of the shaping: what they had is lost
            terminated = terminated | gone
            truncated = truncated & ~gone
            self._gone[at] |= gone
        return own, terminated, truncated

    def beaten(self) -> Bool:
        """Which seats are out with all of their team, bool (G, S)."""
        seats = self.batch.view.seat
        mates = seats[:, :, None, TEAM] == seats[:, None, :, TEAM]  # (G, S, S)
        beaten: Bool = ~(mates & (seats[:, None, :, STATUS] != OUT)).any(axis=2)
        return beaten

    def observe(self, games: Any = slice(None), seat: int | None = None, *, copy: bool = True) -> Observation:
        """What the seats played, or `seat`, observe in a game (an index) or in several (a slice or indices)."""
        return observe(self.batch.observe(), (games, self.at if seat is None else seat), copy=copy)

    def action_mask(self, observation: Observation) -> np.ndarray[Any, np.dtype[np.int8]]:
        """Legal actions by that observation, int8 (..., action_count)."""
        return action_mask(observation.mask, self.batch.castles)

    @property
    def turn(self) -> Int32:
        """Turns played, int32 (G,), a view."""
        return self.batch.rows[:, TURN]

    @property
    def winner(self) -> Int32:
        """Winner of each game on the board, int32 (G,), a view: -2 while it runs, -1 for a draw, else the seat."""
        return self.batch.rows[:, WINNER]

    @property
    def invalid(self) -> Int32:
        """Invalid actions of all seats in the episode so far, int32 (G,), a view."""
        return self.batch.rows[:, INVALID]
