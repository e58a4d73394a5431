"""An actor and the policies that it is given."""

import pytest
import torch
from tests.services.loopback import channel_to

from actors.actor import Actor, ActorSettings
from actors.outcomes import OutcomeReporter
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.published import to_published
from learner.snapshot import SnapshotError
from services.model_server import ModelServicer
from store.connect import Connection
from store.policies import Policies


def test_a_policy_that_says_of_no_games_how_to_set_them_up_is_refused(connection: Connection) -> None:
    """As training jobs publish them, which play on their own machine."""
    torch.manual_seed(1)
    policies = Policies(connection)
    policies.publish("p", *to_published(Policy(NetworkConfig()), {"board": [6, 6]}))
    with channel_to([ModelServicer(policies)]) as channel:
        reporter = OutcomeReporter(channel)
        actor = Actor(ActorSettings("a", "p"), channel, lambda fragment: None, reporter)
        with pytest.raises(SnapshotError, match="p version 1: says of no games how to set them up; accepted: what"):
            actor.run(lambda: False)
        reporter.stop()
