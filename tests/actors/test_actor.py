"""The actor by itself: fragments that the replay service takes, and an end when it is told to end."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
import torch

from actors.actor import Actor, ActorSettings
from actors.fragment import Replayer, check
from actors.reporter import Reporter
from actors.setup import Setup
from learner.demo import demo_plan
from learner.network import Policy
from services.settings import Settings
from services.stubs import matchmaker_pb2, replay_pb2

NOBODY = "127.0.0.1:1"


class Alone(Actor):
    """An actor with a policy of its own, that plays against itself."""

    def __init__(self, side: int, settings: ActorSettings, send: Callable[..., None], outcomes: Any) -> None:
        super().__init__(settings, grpc.insecure_channel(NOBODY), send, outcomes)
        plan = demo_plan("fleet", 1, 60.0, side, side, "tiny", "cpu")
        self.policy, self.version = Policy(plan.network), 1
        self.setup = Setup(plan.ruleset, plan.board, shaping=replace(plan.shaping, gamma=plan.settings.gamma))
        pairing = matchmaker_pb2.Pairing(kind=matchmaker_pb2.Pairing.KIND_SELF, games=settings.games, version=1)
        self.tables = self._tables_of(pairing)
        self.memory = self.policy.first_memory(sum(table.rows for table in self.tables), side, side)
        self._looked = self._paired = time.monotonic()


class Dropped:
    """Takes outcomes and forgets them."""

    def put(self, outcome: object, timeout: float | None = None) -> None:
        """Take one."""


@pytest.mark.parametrize(("side", "games"), [(20, 450), (4, 5000)])
def test_many_games_are_sent_in_fragments_that_can_be_sent(side: int, games: int) -> None:
    sent: list[replay_pb2.Fragment] = []
    actor = Alone(side, ActorSettings("a", "fleet", games, turns=1), lambda f, timeout=None: sent.append(f), Dropped())
    actor.memory = torch.randn(actor.memory.shape)  # of which compression gains little
    actor.play()
    assert len(sent) > 1
    assert sum(fragment.games for fragment in sent) == games
    assert len({fragment.actor for fragment in sent}) == len(sent)
    for fragment in sent:
        check(fragment)
        assert fragment.ByteSize() < Settings().max_message - 1024
    replayed = np.concatenate([Replayer().replay(fragment).words[-1] for fragment in sent])
    seen, _ = actor.tables[0].look()
    assert np.array_equal(replayed.reshape(seen.shape), seen)


def test_an_actor_ends_though_nobody_takes_what_it_plays() -> None:
    fragments = Reporter(NOBODY, "ppo", waiting=1)
    over, waits = threading.Event(), threading.Event()

    def send(*arguments: Any) -> None:
        if fragments.unsent:
            waits.set()
        fragments.send(*arguments)

    actor = Alone(4, ActorSettings("a", "fleet", 2, refresh_seconds=1e9, pair_seconds=1e9), send, Dropped())
    thread = threading.Thread(target=lambda: actor.run(over.is_set), daemon=True)
    thread.start()
    assert waits.wait(60)
    over.set()
    thread.join(20)
    assert not thread.is_alive()
    assert fragments.stop(0.0) == 1
