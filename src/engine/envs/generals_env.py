"""`Generals-v0` for Gymnasium: one game, played from one seat against opponents, or from all seats at once."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from engine.arrays import Bool
from engine.envs.arena import SEED_LIMIT, Arena
from engine.envs.opponents import Opponent
from engine.envs.rendering import RENDER_FPS, RENDER_MODES, render
from engine.envs.settings import EnvSettings

TRANSPORTS = ("local", "grpc")
REMOTE = "actors.remote_arena"  # by name alone: the engine stands below that room, and loads it when it is asked for


class GeneralsEnv(gymnasium.Env[Any, Any]):
    """One game as a Gymnasium environment.

    opponent: a bot's name, or a function policy(observation) or policy(observation, action_mask) that returns an action
        code and gets what this environment would hand out at its seat; a sequence of them names one for each other
        seat. None: the environment plays all seats, with observations, masks and `info["rewards"]` of shape
        (seats, ...), actions of one code a seat, and the reward of `seat`.
    seat: the seat that is played.
    render_mode: "ansi" (text) or "rgb_array"; both show what the seat has in sight, or all of a joint game.
    transport: "local" plays in this process; "grpc" on a game server, to which reset and step are calls, while the
        experience goes to a replay service.
    connection: over grpc the options server, replay, table and name of `actors.remote_arena.RemoteArena`, which also
        says what a server does not play; no pictures then.
    settings: see `EnvSettings`: ruleset, board, seats, max_turns, shaping, memory, observation.

    Actions are codes of `engine.actions`; an illegal one is a pass. The info holds `action_mask` (int8, one an
    action), `turn`, `winner` (-2 while the game runs, -1 for a draw, else the seat) and `invalid` (how many
    actions of any seat were illegal so far). Raises ValueError for unknown names and seats.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012

    def __init__(
        self,
        opponent: Opponent | Sequence[Opponent] | None = "expander",
        seat: int = 0,
        render_mode: str | None = None,
        transport: str = "local",
        connection: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(f'render_mode "{render_mode}" is unknown; known: {", ".join(RENDER_MODES)}')
        if transport not in TRANSPORTS:
            raise ValueError(f'transport "{transport}" is unknown; known: {", ".join(TRANSPORTS)}')
        self.render_mode = render_mode
        self.arena: Any
        if transport == "local":
            if connection:
                raise ValueError('connection is given; accepted with transport "grpc" alone')
            self.arena = Arena(EnvSettings(**settings), 1, opponent, seat)
        else:
            if render_mode is not None:
                raise ValueError(f'render_mode is "{render_mode}"; accepted over {transport}: None')
            remote = import_module(REMOTE)
            self.arena = remote.RemoteArena(EnvSettings(**settings), opponent, seat, **(connection or {}))
        batch = self.arena.batch
        self.observation_space = self.arena.form.space(batch.seats, batch.height, batch.width, self.arena.lead)
        self.action_space = (
            spaces.MultiDiscrete([batch.action_count] * batch.seats)
            if self.arena.joint
            else spaces.Discrete(batch.action_count)
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; returns observation and info. A seed restarts a sequence of episodes that is its own."""
        first = self._np_random is None
        super().reset(seed=seed)
        if seed is None and first:
            seed = int(self.np_random.integers(SEED_LIMIT))
        self.arena.reset(seed)
        return self._observe()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play a turn: returns observation, reward, terminated, truncated and info."""
        rewards, terminated, truncated = self.arena.step([action])
        observation, info = self._observe()
        reward = rewards[0]
        if self.arena.joint:
            info["rewards"] = reward
            reward = reward[self.arena.seat]
        return observation, float(reward), bool(terminated[0]), bool(truncated[0]), info

    def action_masks(self) -> Bool:
        """Legal actions, bool (action_count,): the name under which sb3-contrib's MaskablePPO asks for them."""
        legal: Bool = self.arena.action_mask(self.arena.observe(0)).astype(np.bool_)
        return legal

    def set_opponent(self, opponent: Opponent | Sequence[Opponent]) -> None:
        """Change who plays the other seats, from the next step on."""
        self.arena.set_opponent(opponent)

    def render(self) -> Any:
        """The board as text or as uint8 (height, width, 3), by `render_mode`."""
        if self.render_mode is None:
            gymnasium.logger.warn(
                'render() shows nothing without a render_mode; make the env with "ansi" or "rgb_array"'
            )
            return None
        return render(self.arena.batch, 0, None if self.arena.joint else self.arena.seat, self.render_mode)

    def close(self) -> None:
        """Over a network: leave the game and hang up."""
        if not isinstance(self.arena, Arena):
            self.arena.close()

    def _observe(self) -> tuple[Any, dict[str, Any]]:
        arena = self.arena
        observation = arena.observe(0)
        info = {
            "action_mask": arena.action_mask(observation),
            "turn": int(arena.turn[0]),
            "winner": int(arena.winner[0]),
            "invalid": int(arena.invalid[0]),
        }
        return arena.form.encode(observation), info
