"""A learner over the services, as far as it goes without them."""

from dataclasses import replace

import grpc
import pytest

from actors.setup import Setup
from learner.demo import demo_plan
from learner.fleet import FleetLearner, FleetPlan
from learner.snapshot import SnapshotError


def learner(folder, side=4, size="tiny"):
    like = demo_plan("policy", 1, 1.0, side, side, size, "cpu")
    plan = FleetPlan("policy", Setup(like.ruleset, like.board), like.network, replace(like.settings, vtrace=True))
    return FleetLearner(plan, grpc.insecure_channel("127.0.0.1:1"), "127.0.0.1:1", folder)


@pytest.mark.parametrize(
    ("other", "named"),
    [({"side": 5}, r"heights is \[4, 4\], now \[5, 5\]"), ({"size": "small"}, r"network.channels is \d+, now \d+")],
)
def test_a_policy_of_other_games_or_another_network_is_not_learned_on(tmp_path, other, named):
    learner(tmp_path)._publish(lambda: True)
    assert learner(tmp_path).checkpoint.exists()
    learner(tmp_path)._resume(lambda: True)
    with pytest.raises(SnapshotError, match=f"{named}.*another name begins anew"):
        learner(tmp_path, **other)._resume(lambda: True)
