"""Steps a second through each interface, on the site's 24x24 board and on a small one, against the bot `expander`.

A step is one action of one game; maps, opponents, observations and masks are included. Run by `make bench-envs`;
EnvPool's lines are left out where it is not installed.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.table import Table

import stratagem  # noqa: F401 - registers the environments
from machine import write_result

SECONDS = 2.0
GAMES = 256
BOARDS = {"24x24": "site", "8x8": "small"}


def rate(step: Callable[[], int]) -> float:
    """Steps a second: `step` returns how many it made."""
    step()
    made, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        made += step()
    return made / (time.perf_counter() - start)


def one(board: str, **options: Any) -> float:
    """A single `gym.make` environment."""
    env = gym.make("Generals-v0", board=board, **options).unwrapped
    env.reset(seed=0)

    def step() -> int:
        _, _, terminated, truncated, _ = env.step(1)
        if terminated or truncated:
            env.reset()
        return 1

    return rate(step)


def many(board: str, **options: Any) -> float:
    """`gym.make_vec` of GAMES."""
    env = gym.make_vec("Generals-v0", num_envs=GAMES, board=board, **options)
    env.reset(seed=0)
    actions = np.ones(GAMES, np.int64)

    def step() -> int:
        env.step(actions)
        return GAMES

    return rate(step)


def pool(board: str, **options: Any) -> float:
    """`envpool.make` of GAMES, by send and recv."""
    import envpool

    env = envpool.make("Generals-v0", env_type="gymnasium", num_envs=GAMES, board=board, **options)
    actions = np.ones(options.get("batch_size", GAMES), np.int32)
    env.async_reset()

    def step() -> int:
        env.send(actions, env.recv()[-1]["env_id"])
        return len(actions)

    return rate(step)


def main() -> None:
    """Measure, print a table, write build/bench/environments.json."""
    cases: dict[str, Callable[[str], float]] = {
        "gym.make": lambda board: one(board),
        "gym.make, planes": lambda board: one(board, observation="planes"),
        f"gym.make_vec of {GAMES}": lambda board: many(board),
        f"gym.make_vec of {GAMES}, no masks in info": lambda board: many(board, info_mask=False),
        f"gym.make_vec of {GAMES}, views": lambda board: many(board, info_mask=False, copy=False),
        f"gym.make_vec of {GAMES}, planes": lambda board: many(board, info_mask=False, observation="planes"),
    }
    if find_spec("envpool") is not None:
        cases[f"envpool of {GAMES}"] = lambda board: pool(board)
        cases[f"envpool of {GAMES}, no masks in info"] = lambda board: pool(board, info_mask=False)
        cases[f"envpool of {GAMES}, batches of 64"] = lambda board: pool(board, info_mask=False, batch_size=64)
    table = Table("steps a second", *BOARDS, title="environments against expander")
    figures = {}
    for name, measure in cases.items():
        rates = [measure(board) for board in BOARDS.values()]
        figures |= {f"{name}, {size}": value for size, value in zip(BOARDS, rates, strict=True)}
        table.add_row(name, *(f"{value:,.0f}" for value in rates))
    console = Console()
    console.print(table)
    console.print(f"written to {write_result('environments', figures)}")


if __name__ == "__main__":
    main()
