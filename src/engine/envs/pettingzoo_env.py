"""Generals for PettingZoo: a `ParallelEnv` of 2 to 16 seats, with action masks in observation and info."""

from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec

from engine.actions import as_codes
from engine.arrays import Bool, Int32
from engine.board import RUNNING
from engine.envs.arena import SEED_LIMIT, Arena
from engine.envs.rendering import RENDER_FPS, RENDER_MODES, render
from engine.envs.settings import EnvSettings

Agent = str
Info = dict[str, Any]


class GeneralsParallelEnv(ParallelEnv):  # type: ignore[misc] # shipped without types
    """One game whose seats are the agents `seat_0`, `seat_1` and so on.

    An observation is a dict of `observation` (as `settings.observation` says) and `action_mask` (int8, one an
    action), which the agent's info holds as well, beside `turn` and `winner`. An agent is terminated with reward -1
    once it and its team are out, all others when the game ends. `settings`: see `EnvSettings`. Raises ValueError for
    unknown names.
    """

    metadata = {  # noqa: RUF012
        "name": "generals_v0",
        "render_modes": RENDER_MODES,
        "render_fps": RENDER_FPS,
        "is_parallelizable": True,
    }

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(f'render_mode "{render_mode}" is unknown; known: {", ".join(RENDER_MODES)}')
        self.render_mode = render_mode
        self.arena = Arena(EnvSettings(**settings), 1, None, 0)
        batch = self.arena.batch
        self.possible_agents = [f"seat_{seat}" for seat in range(batch.seats)]
        self.agents: list[Agent] = []
        self._seat_of = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self.observation_spaces = {agent: self._make_observation_space() for agent in self.possible_agents}
        self.action_spaces = {agent: spaces.Discrete(batch.action_count) for agent in self.possible_agents}
        self._seeded = False

    def _make_observation_space(self) -> spaces.Dict:
        batch = self.arena.batch
        board = self.arena.form.space(batch.seats, batch.height, batch.width)
        return spaces.Dict({"action_mask": spaces.MultiBinary(batch.action_count), "observation": board})

    def observation_space(self, agent: Agent) -> spaces.Space[Any]:
        """The space of an agent's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: Agent) -> spaces.Space[Any]:
        """The space of an agent's actions."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Agent, dict[str, Any]], dict[Agent, Info]]:
        """Start an episode. A seed restarts a sequence of episodes that is its own."""
        if seed is None and not self._seeded:
            seed = int(np.random.default_rng().integers(SEED_LIMIT))
        self._seeded = True
        self.agents = self.possible_agents[:]
        self.arena.reset(seed)
        return self._observe()

    def step(
        self, actions: dict[Agent, Any]
    ) -> tuple[
        dict[Agent, dict[str, Any]], dict[Agent, float], dict[Agent, bool], dict[Agent, bool], dict[Agent, Info]
    ]:
        """Play a turn; agents without an action pass. Returns a dict each of what gymnasium's `step` returns.

        Raises ValueError for unknown agents and for actions that are no integers.
        """
        arena = self.arena
        rewards, _, truncated = arena.step(self._codes(actions))
        over = bool(arena.winner[0] != RUNNING)
        beaten = arena.beaten()[0] & (not over)
        ended: Bool = beaten | over
        reward = rewards[0] - beaten
        observations, infos = self._observe()
        agents = self.agents
        seats = [self._seat_of[agent] for agent in agents]
        terminations = {agent: bool(ended[seat]) for agent, seat in zip(agents, seats, strict=True)}
        truncations = {agent: bool(truncated[0] and not ended[seat]) for agent, seat in zip(agents, seats, strict=True)}
        self.agents = [agent for agent in agents if not (terminations[agent] or truncations[agent])]
        return (
            observations,
            {agent: float(reward[seat]) for agent, seat in zip(agents, seats, strict=True)},
            terminations,
            truncations,
            infos,
        )

    def _codes(self, actions: dict[Agent, Any]) -> Int32:
        """Action codes of all seats, int32 (1, S)."""
        codes = np.zeros((1, len(self.possible_agents)), np.int32)
        for agent, action in actions.items():
            if agent not in self._seat_of:
                raise ValueError(f"agent {agent!r} is unknown; known: {', '.join(self.possible_agents)}")
            try:
                codes[0, self._seat_of[agent]] = as_codes([action], (1,))[0]
            except ValueError:
                raise ValueError(f"action of {agent} is {action!r}; accepted: an integer") from None
        return codes

    def render(self) -> Any:
        """The whole board as text or as uint8 (height, width, 3), by `render_mode`; None without one."""
        return None if self.render_mode is None else render(self.arena.batch, 0, None, self.render_mode)

    def close(self) -> None:
        """Nothing is held open."""

    def _observe(self) -> tuple[dict[Agent, dict[str, Any]], dict[Agent, Info]]:
        """Observations and infos of the agents that still play."""
        arena = self.arena
        observations, infos = {}, {}
        for agent in self.agents:
            seen = arena.observe(0, seat=self._seat_of[agent])
            mask = arena.action_mask(seen)
            observations[agent] = {"observation": arena.form.encode(seen), "action_mask": mask}
            infos[agent] = {
                "action_mask": mask.copy(),
                "turn": int(arena.turn[0]),
                "winner": int(arena.winner[0]),
            }
        return observations, infos


def parallel_env(render_mode: str | None = None, **settings: Any) -> GeneralsParallelEnv:
    """The environment whose agents act at once."""
    return GeneralsParallelEnv(render_mode, **settings)


def env(render_mode: str | None = None, **settings: Any) -> AECEnv:
    """The same for PettingZoo's turn-by-turn API."""
    return parallel_to_aec(GeneralsParallelEnv(render_mode, **settings))
