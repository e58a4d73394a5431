"""The referee of tournaments with policies: whom it seats, and that who plays better wins."""

import pytest
from tests.services.game_server import small

from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.published import to_published
from services.game_setup import GameSetup
from services.policy_referee import PolicyReferee
from services.refusal import RefusedError
from services.stubs import common_pb2, game_pb2
from store.connect import Connection
from store.policies import Policies
from store.ratings import Player

NETWORK = NetworkConfig(channels=16, blocks=1, memory=4, hidden=16, pairs=8)
POLICY = Player("policy:demo", 1)
SCOUT, HUNTER, RANDOM = (Player(f"bot:{name}") for name in ("scout", "hunter", "random"))


@pytest.fixture
def referee(connection: Connection) -> PolicyReferee:
    policies = Policies(connection)
    policies.publish("demo", *to_published(Policy(NETWORK), {}))
    return PolicyReferee(policies)


@pytest.fixture
def setup() -> GameSetup:
    rules = common_pb2.Rules(turn_limit=120)
    return GameSetup.of(game_pb2.CreateGameRequest(rules=rules, board=small(), seats=["", ""], seed=1))


@pytest.mark.parametrize(
    ("stronger", "weaker"), [(SCOUT, RANDOM), (HUNTER, POLICY), (SCOUT, POLICY)], ids=lambda player: player.name
)
def test_who_plays_better_wins(referee: PolicyReferee, setup: GameSetup, stronger: Player, weaker: Player) -> None:
    for player in (stronger, weaker):
        referee.check(player)
    score = referee.play(stronger, weaker, setup, seed=5, pairs=8)
    assert score.wins + score.draws + score.losses == 16
    assert score.wins > 12
    assert score == referee.play(stronger, weaker, setup, seed=5, pairs=8)
    turned = referee.play(weaker, stronger, setup, seed=5, pairs=8)
    assert turned.losses > 12


@pytest.mark.parametrize(
    ("player", "accepted"),
    [
        (Player("policy:demo", 2), "a published version"),
        (Player("policy:nobody", 1), "a published version"),
        (Player("bot:scout", 1), "version 0 of bot:random.*bot:scout"),
        (Player("human:anna"), "versions of policy:NAME, version 0 of bot:random"),
    ],
    ids=lambda one: one.key if isinstance(one, Player) else "",
)
def test_whom_it_does_not_know_it_refuses(referee: PolicyReferee, player: Player, accepted: str) -> None:
    with pytest.raises(RefusedError, match=accepted):
        referee.check(player)
