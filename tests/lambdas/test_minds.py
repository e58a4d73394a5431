"""Policies by ONNX Runtime: equal to torch, without torch or numba, on boards cut to their maps, fast enough."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.actions import expand_mask
from engine.batch import GameBatch
from engine.board import Shape
from engine.game import Game
from engine.views import BoardView
from lambdas.match_logic import draw_layout, map_of, rules_of
from lambdas.minds import PolicyMind, open_session
from learner.export_onnx import TOLERANCE, export_onnx, largest_difference
from learner.network import Policy
from learner.network_config import NetworkConfig
from store.errors import DamagedError

SRC = Path(__file__).resolve().parents[2] / "src"


def _policy(**options: Any) -> Policy:
    """A policy that wants something: fresh ones are near-indifferent, which would hide a wrong export."""
    torch.manual_seed(5)
    policy = Policy(NetworkConfig.of("tiny", **options))
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return policy.eval()


@pytest.fixture(scope="module")
def exported() -> tuple[Policy, bytes]:
    policy = _policy()
    return policy, export_onnx(policy)


def test_the_export_answers_as_torch_does(exported: tuple[Policy, bytes]) -> None:
    policy, data = exported
    assert largest_difference(policy, data) < TOLERANCE


def test_another_policy_s_export_is_told_apart(exported: tuple[Policy, bytes]) -> None:
    other = _policy()
    with torch.no_grad():
        other.gru.recall[1].bias += 0.01  # in the memory alone
    assert largest_difference(other, exported[1]) > TOLERANCE


@pytest.mark.parametrize(
    "options",
    [
        {"halves": False, "castles": True},
        {"value_bins": 16},
        {"channels": 8, "levels": 2, "level_blocks": 1},
        {"channels": 4, "levels": 3, "level_blocks": 0},
    ],
)
def test_policies_of_every_shape_are_exported(options: dict[str, Any]) -> None:
    policy = _policy(**options)
    assert largest_difference(policy, export_onnx(policy)) < TOLERANCE


def _beside_the_edge() -> int:
    """The seed of a map whose first general stands in the last row, with room below on the board."""
    for seed in range(2000):
        layout = draw_layout(rules_of("generalsio"), map_of("site", 2), 2, seed)
        if layout.generals[0] // layout.width == layout.height - 1 < 23:
            return seed
    raise AssertionError("no such map")


@pytest.mark.parametrize("seed", [11, _beside_the_edge()])
def test_a_match_s_board_is_seen_as_in_training(exported: tuple[Policy, bytes], seed: int) -> None:
    """A board cut to its map, with mountains put around it again, is remembered as torch remembers the batch's."""
    policy, data = exported
    rules = rules_of("generalsio")
    batch = GameBatch(rules, 1, seed, autoreset="off")
    batch.reset()
    game = Game(rules, draw_layout(rules, map_of("site", 2), 2, seed))
    mind = PolicyMind(*open_session(data), batch.height, batch.width)
    assert (game.height, game.width) != (batch.height, batch.width)
    remembered, memory = policy.first_memory(1, batch.height, batch.width), None
    for _ in range(8):
        seen = batch.observe().copy()
        words, vector = torch.from_numpy(seen.words[:, 0]), torch.from_numpy(seen.vector[:, 0])
        with torch.no_grad():
            remembered = policy(words[None], vector[None], remembered, torch.zeros(1, 1, dtype=torch.bool)).memory
        action, memory = mind.act(game, 0, 3, memory)
        assert np.abs(memory - remembered.numpy()).max() < TOLERANCE
        assert expand_mask(game.observe(0).mask.reshape(-1), False)[action]
        game.step([None, None])
        batch.step(np.zeros((1, 2), np.int32))


def test_the_same_match_is_played_the_same(exported: tuple[Policy, bytes]) -> None:
    rules = rules_of("generalsio")
    game = Game(rules, draw_layout(rules, map_of("8x8", 2), 2, 1))
    for _ in range(20):
        game.step([None, None])
    mind = PolicyMind(*open_session(exported[1]), 8, 8)
    assert len({mind.act(game, 0, 5, None)[0] for _ in range(5)}) == 1
    assert len({mind.act(game, 0, seed, None)[0] for seed in range(40)}) > 1, "it draws, by the match's own numbers"


def test_a_turn_of_the_demo_s_policy_takes_less_than_50_ms(exported: tuple[Policy, bytes]) -> None:
    rules = rules_of("generalsio")
    game = Game(rules, draw_layout(rules, map_of("site", 2), 2, 1))
    mind = PolicyMind(*open_session(exported[1]), 24, 24)
    _, memory = mind.act(game, 0, 1, None)
    best = 1.0
    for _ in range(10):
        begun = time.perf_counter()
        mind.act(game, 0, 1, memory)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.05


def test_what_is_no_export_is_refused() -> None:
    with pytest.raises(DamagedError, match="ONNX file cannot be used"):
        open_session(b"not a model")


def test_a_lambda_needs_neither_torch_nor_numba() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'numba', 'moto', 'pyarrow', 'gymnasium'): sys.modules[name] = None\n"
        "import lambdas.handlers\n"
        "for part in ('matches', 'ratings', 'models'): getattr(lambdas.handlers, part)\n"
        "import lambdas.playing, lambdas.minds, onnxruntime\n"
        "from engine.compile import COMPILED\n"
        "assert not COMPILED\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    environment.pop("STRATAGEM_PLAIN", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_view_that_is_read_is_the_seat_s_own(exported: tuple[Policy, bytes]) -> None:
    rules = rules_of("generalsio")
    game = Game(rules, draw_layout(rules, map_of("12x12", 2), 2, 4))
    shape = Shape.of(rules, 2, game.height, game.width)
    mind = PolicyMind(*open_session(exported[1]), game.height, game.width)
    chosen = mind.act(game, 0, 9, None)[0]
    BoardView.of(game.row, shape).view[1] = 0  # the other seat's eyes are put out
    game.row[shape.vectors + 7 : shape.vectors + 14] = 0
    assert mind.act(game, 0, 9, None)[0] == chosen
