"""The policies in the box: small, described, and able to play."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.batch import GameBatch
from engine.maps import find_map
from engine.rulesets import find_ruleset
from learner.network import sample
from learner.snapshot import load_policy
from stratagem.policies import BOX, boxed, find_policy

MOST_BYTES = 10_000_000
GAMES, TURNS = 4, 250


def test_there_is_one_for_the_site_and_one_for_the_competition() -> None:
    known = {(load_policy(path).about["maps"], load_policy(path).about["ruleset"]) for path in boxed()}
    assert known == {("site", "generalsio"), ("competition", "competition")}


@pytest.mark.parametrize("path", boxed(), ids=lambda path: path.name)
def test_it_is_small_and_has_a_model_card(path: Path) -> None:
    assert path.with_suffix(".safetensors").stat().st_size < MOST_BYTES
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    for what in ("hunter", "expander", "random", "stratagem clone", "95 %"):
        assert what in card


def test_a_policy_is_found_by_its_files_and_in_the_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_policy(Path("pupil")) == find_policy(Path("pupil.json")) == BOX / "pupil"
    assert find_policy(Path("runs/pupil.safetensors")) == Path("runs/pupil")
    assert find_policy(Path("nobody")) == Path("nobody")
    (tmp_path / "pupil.json").touch()
    assert find_policy(Path("pupil")) == Path("pupil")


@torch.no_grad()
@pytest.mark.parametrize("path", boxed(), ids=lambda path: path.name)
def test_it_outgrows_random_on_the_board_that_it_knows(path: Path) -> None:
    snapshot = load_policy(path)
    maps = find_map(str(snapshot.about["maps"]), 2)
    batch = GameBatch(find_ruleset(str(snapshot.about["ruleset"])), GAMES, 5, board=maps, autoreset="off")
    seen = batch.reset()
    memory = snapshot.policy.first_memory(GAMES, batch.height, batch.width)
    chance = torch.Generator().manual_seed(1)
    rewards = np.zeros(GAMES, np.float32)
    for turn in range(TURNS):
        words, vector = (torch.from_numpy(part[:, 0].copy())[None] for part in (seen.words, seen.vector))
        answer = snapshot.policy(words, vector, memory, torch.full((1, GAMES), turn == 0))
        memory = answer.memory
        actions = batch.bot_actions([None, "random"])
        actions[:, 0] = sample(answer.logits[0], chance).numpy()
        seen, reward, *_ = batch.step(actions)
        rewards += reward[:, 0]
    land = seen.vector[:, 0].reshape(GAMES, -1)[:, 1:].reshape(GAMES, 2, -1)[..., 0]
    assert (rewards >= 0).all()
    assert ((rewards > 0) | (land[:, 0] > 2 * land[:, 1])).all()
