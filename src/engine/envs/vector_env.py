"""`Generals-v0` for `gymnasium.make_vec`: many games in one `GameBatch`."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from engine.arrays import Bool
from engine.envs.arena import SEED_LIMIT, Arena
from engine.envs.opponents import Opponent
from engine.envs.rendering import RENDER_FPS, RENDER_MODES, render
from engine.envs.settings import EnvSettings

Info = dict[str, Any]


class GeneralsVectorEnv(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Games stepped together, each what `GeneralsEnv` plays: same options, observations, actions and rewards.

    num_envs: number of games, G. Observations, masks and infos have it as their first axis.
    autoreset_mode: NEXT_STEP starts a finished game's next episode in the step after (which ignores the action and
        gives reward 0), SAME_STEP in the same step (the last observation and info are then `final_obs` and
        `final_info` of the info), DISABLED leaves it to `reset(options={"reset_mask": ...})`.
    copy: False hands out views of the batch's memory, which the next step changes (compact observations only).
    info_mask: False leaves `action_mask` out of the info; `action_masks()` and the observation's mask remain.
    """

    def __init__(
        self,
        num_envs: int = 1,
        opponent: Opponent | Sequence[Opponent] | None = "expander",
        seat: int = 0,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        info_mask: bool = True,
        **settings: Any,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(f'render_mode "{render_mode}" is unknown; known: {", ".join(RENDER_MODES)}')
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {
            "render_modes": RENDER_MODES,
            "render_fps": RENDER_FPS,
            "autoreset_mode": self.autoreset_mode,
        }
        self._copy, self._info_mask = copy, info_mask
        self.arena = arena = Arena(EnvSettings(**settings), num_envs, opponent, seat)
        batch = arena.batch
        codes = batch.action_count
        self.single_action_space = (
            spaces.MultiDiscrete([codes] * batch.seats) if arena.joint else spaces.Discrete(codes)
        )
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = arena.form.space(batch.seats, batch.height, batch.width, arena.lead)
        self.observation_space = arena.form.space(batch.seats, batch.height, batch.width, (num_envs, *arena.lead))
        self._finished = np.zeros(num_envs, np.bool_)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Info]:
        """Start episodes: of all games or of `options["reset_mask"]`, bool (G,). Returns observation and info.

        One seed is enough: each game draws its own maps from it. Raises ValueError for a list of seeds, and for a mask
        of some games together with a seed, which is all games', or at the first reset, which begins them all.
        """
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ValueError(f"seed is {seed!r}; accepted: one int, from which every game draws its own maps, or None")
        first = self._np_random is None
        chosen = self._mask(options)
        if chosen is not None and (first or seed is not None):
            given = "the first reset" if seed is None else f"seed {seed}"
            raise ValueError(f"reset_mask leaves games out at {given}; accepted: all games, or none named")
        super().reset(seed=seed)
        if seed is None and first:
            seed = int(self.np_random.integers(SEED_LIMIT))
        self.arena.reset(seed, chosen)
        self._finished[slice(None) if chosen is None else chosen] = False
        return self._observe()

    def _mask(self, options: dict[str, Any] | None) -> Bool | None:
        """The games to reset, bool (G,); None: all."""
        given = None if options is None else options.get("reset_mask")
        if given is None:
            return None
        mask = np.asarray(given)
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(
                f"reset_mask is {mask.dtype} of shape {mask.shape}; accepted: bool of shape {(self.num_envs,)}"
            )
        return None if mask.all() else mask

    def step(self, actions: Any) -> tuple[Any, Any, Bool, Bool, Info]:
        """Play a turn of every game.

        actions: integers (G,), or (G, seats) where all seats are played. Returns observation, reward float64 (G,),
        terminated and truncated bool (G,), and info.
        """
        waiting = self._finished
        rewards, terminated, truncated = self.arena.step(actions)
        if self.autoreset_mode != AutoresetMode.DISABLED and waiting.any():
            self.arena.reset(None, waiting)
            rewards[waiting] = 0.0
            terminated[waiting] = False
            truncated[waiting] = False
        finished = terminated | truncated
        if self.autoreset_mode == AutoresetMode.SAME_STEP and finished.any():
            final = self._final(finished)
            self.arena.reset(None, finished)
            observation, info = self._observe()
            info.update(final)
        else:
            observation, info = self._observe()
            self._finished = finished
        reward = rewards
        if self.arena.joint:
            info["rewards"], info["_rewards"] = rewards, np.ones(self.num_envs, np.bool_)
            reward = rewards[:, self.arena.seat]
        return observation, reward.astype(np.float64), terminated, truncated, info

    def action_masks(self) -> Bool:
        """Legal actions, bool (G, action_count), or (G, seats, action_count) where all seats are played."""
        return self.arena.action_mask(self.arena.observe(copy=False)).astype(np.bool_)

    def set_opponent(self, opponent: Opponent | Sequence[Opponent]) -> None:
        """Change who plays the other seats, from the next step on."""
        self.arena.set_opponent(opponent)

    def render(self) -> tuple[Any, ...] | None:
        """Every game's board as text or pixels, by `render_mode`."""
        if self.render_mode is None:
            return None
        seat = None if self.arena.joint else self.arena.seat
        return tuple(render(self.arena.batch, game, seat, self.render_mode) for game in range(self.num_envs))

    def _observe(self) -> tuple[Any, Info]:
        arena = self.arena
        observation = arena.observe(copy=self._copy)
        info: Info = {"turn": arena.turn.copy(), "winner": arena.winner.copy(), "invalid": arena.invalid.copy()}
        if self._info_mask:
            info["action_mask"] = arena.action_mask(observation)
        for key in list(info):  # Gymnasium's convention: `_key` says which games have `key`
            info[f"_{key}"] = np.ones(self.num_envs, np.bool_)
        return arena.form.encode(observation), info

    def _final(self, finished: Bool) -> Info:
        """`final_obs` and `final_info` of the games that this step finished."""
        arena = self.arena
        observations = np.full(self.num_envs, None, dtype=object)
        for game in np.flatnonzero(finished):
            observations[game] = arena.form.encode(arena.observe(int(game)))
        info: Info = {"turn": arena.turn.copy(), "winner": arena.winner.copy(), "invalid": arena.invalid.copy()}
        for key in list(info):
            info[f"_{key}"] = finished.copy()
        return {
            "final_obs": observations,
            "_final_obs": finished.copy(),
            "final_info": info,
            "_final_info": finished.copy(),
        }
