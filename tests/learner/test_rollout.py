"""Fragments of play: what PPO is told is what happened."""

import numpy as np
import pytest
import torch

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.clock import Clock
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.players import BotPlayer, PolicyPlayer
from learner.rollout import Rollout, Table

BOARD = MapSpec.plain(4, 4, mountains=0.0, cities=0)


def batch(games, *, limit=12, shaping=None, seed=3, max_turns=0):
    ruleset = RULESETS["generalsio"].vary(turn_limit=limit)
    return GameBatch(ruleset, games, seed, board=BOARD, autoreset="next", shaping=shaping, max_turns=max_turns)


def policy(seed=0):
    torch.manual_seed(seed)
    return Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8))


def rollout(*tables):
    return Rollout(list(tables), policy(), 0, Clock())


def test_a_fragment_played_again_by_the_network_gives_the_probabilities_it_was_drawn_with():
    play = rollout(Table(batch(3), (0, 1)), Table(batch(4), (1,), BotPlayer("expander")))
    play.collect(5)
    fragment, _ = play.collect(20)
    assert fragment.resets.any()
    output = play.policy(fragment.words, fragment.vector, fragment.memory, fragment.resets)
    again = output.logits.log_softmax(-1).gather(-1, fragment.actions[..., None])[..., 0]
    torch.testing.assert_close(again, fragment.log_probs, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(output.values, fragment.values[:-1], rtol=1e-3, atol=1e-4)


def test_the_memory_goes_on_from_fragment_to_fragment():
    play = rollout(Table(batch(3), (0, 1)))
    first, _ = play.collect(4)
    second, _ = play.collect(4)
    after = play.policy(first.words, first.vector, first.memory, first.resets).memory
    torch.testing.assert_close(second.memory, after, rtol=1e-3, atol=1e-4)


def test_after_an_end_one_action_is_not_played_and_then_an_episode_begins():
    fragment, _ = rollout(Table(batch(4, limit=6), (0, 1))).collect(20)
    ended = fragment.terminated | fragment.truncated
    assert ended.sum() >= 8
    assert torch.equal(fragment.valid[1:], ~ended[:-1])
    assert torch.equal(fragment.resets[2:], ~fragment.valid[1:-1])
    turn = fragment.vector[..., 0]
    assert (turn[fragment.resets] == 0).all()
    assert (turn[1:][ended[:-1]] > 0).all()  # the final observation, not the next episode's first
    assert (fragment.rewards[~fragment.valid] == 0).all()


def test_a_draw_costs_every_learning_seat_what_the_table_says():
    fragment, episodes = rollout(Table(batch(4, limit=2), (0, 1), defeat=-0.5)).collect(2)
    assert fragment.terminated[1].all()
    assert (fragment.rewards[1] == -0.5).all()
    assert [(e.opponent, e.turns, e.score, e.reward) for e in episodes] == [("itself", 2, 0.5, -0.5)] * 8


@pytest.mark.parametrize(("defeat", "expected"), [(None, -1.0), (0.0, 0.0), (-0.25, -0.25)])
def test_a_loss_costs_what_the_table_says(defeat, expected):
    _, episodes = rollout(Table(batch(64, limit=0), (0,), BotPlayer("expander"), defeat)).collect(60)
    lost = [episode for episode in episodes if episode.score == 0.0]
    assert lost
    assert {episode.reward for episode in lost} == {expected}
    assert {episode.reward for episode in episodes if episode.score == 1.0} <= {1.0}


def test_truncated_games_are_marked_as_such():
    fragment, episodes = rollout(Table(batch(2, limit=0, max_turns=3), (0, 1))).collect(3)
    assert fragment.truncated[2].all()
    assert not fragment.terminated.any()
    assert all(episode.truncated for episode in episodes)


def test_episodes_say_who_won_and_what_was_earned():
    table = Table(batch(8, limit=200), (1,), BotPlayer("expander"))
    fragment, episodes = rollout(table).collect(150)
    assert episodes
    assert {episode.opponent for episode in episodes} == {"expander"}
    for episode in episodes:
        assert episode.reward == {1.0: 1.0, 0.0: -1.0, 0.5: 0.0}[episode.score]
    assert float(fragment.rewards.sum()) == sum(episode.reward for episode in episodes)


def test_shaping_adds_up_to_the_potential_it_began_with():
    shaping = Shaping(land=0.4, army=0.2, structures=0.0, gamma=1.0)
    _, episodes = rollout(Table(batch(6, limit=8, shaping=shaping), (0, 1))).collect(30)
    assert episodes
    for episode in episodes:
        outcome = {1.0: 1.0, 0.0: -1.0, 0.5: 0.0}[episode.score]
        assert episode.reward == pytest.approx(outcome - 0.3, abs=1e-5)  # both began with half of all


def test_an_opponent_plays_its_seat_and_can_be_replaced():
    table = Table(batch(4, limit=0), (0,), BotPlayer("expander"))
    play = rollout(table)
    play.collect(12)
    land = table.batch.view.seat[:, 1, 0].copy()
    assert (land > 1).any()
    table.seat_opponent(PolicyPlayer("pool", policy(7)))
    play.collect(2)
    assert table.company == "pool"


def test_a_table_with_an_empty_chair_is_refused():
    with pytest.raises(ValueError, match="needs all taken"):
        Table(batch(2), (0,))


def test_a_forgetful_player_plays_as_if_every_turn_were_the_first():
    games = batch(64, limit=0)
    games.reset()
    games.step(np.zeros((64, 2), np.int32))
    games.step(np.zeros((64, 2), np.int32))
    forgetful = PolicyPlayer("f", policy(), 5, forgetful=True)
    forgetful.begin(games, 0)
    fresh = np.zeros(64, np.bool_)
    forgetful.act(fresh)
    kept = forgetful._memory
    forgetful._memory = torch.randn_like(kept)
    forgetful.act(fresh)
    torch.testing.assert_close(forgetful._memory, kept)
