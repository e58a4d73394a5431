"""The policies in the box: small, described, and able to play."""

from pathlib import Path

import pytest

from engine.maps import find_map
from engine.rulesets import find_ruleset
from learner.players import BotPlayer, PolicyPlayer
from learner.rating import Arena, play_match
from learner.snapshot import load_policy
from stratagem.policies import boxed

MOST_BYTES = 10_000_000


def test_there_is_one_for_the_site_and_one_for_the_competition() -> None:
    known = {(load_policy(path).about["maps"], load_policy(path).about["ruleset"]) for path in boxed()}
    assert known == {("site", "generalsio"), ("competition", "competition")}


@pytest.mark.parametrize("path", boxed(), ids=lambda path: path.parent.name)
def test_it_is_small_and_has_a_model_card(path: Path) -> None:
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < MOST_BYTES
    card = (path.parent / "README.md").read_text(encoding="utf-8")
    for what in ("hunter", "expander", "random", "stratagem clone", "95 %"):
        assert what in card


@pytest.mark.parametrize("path", boxed(), ids=lambda path: path.parent.name)
def test_it_beats_random_on_the_board_that_it_knows(path: Path) -> None:
    snapshot = load_policy(path)
    ruleset = find_ruleset(str(snapshot.about["ruleset"])).vary(turn_limit=600)
    arena = Arena(ruleset, find_map(str(snapshot.about["maps"]), 2), seed=5)
    match = play_match(PolicyPlayer("boxed", snapshot.policy, 1), BotPlayer("random"), arena, pairs=2)
    assert match.win_rate.mean > 0.5
    assert match.loss_rate.mean == 0.0
