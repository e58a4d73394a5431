"""Fragments of a recorded game: experience of whoever did not see the whole board while playing."""

import secrets
from collections.abc import Iterator

import numpy as np

from actors.fragment import Recorder
from actors.setup import Setup
from engine.arrays import Int32
from engine.compile import OneThread
from engine.game import Game
from engine.map_specs import MapSpec
from engine.playback import SURRENDER
from engine.record import Record
from engine.rewards import NO_SHAPING, Shaping
from services.stubs.replay_pb2 import Fragment

TURNS = 16  # of a fragment, as actors have it


def fragments_of(
    record: Record,
    seats: tuple[int, ...],
    actor: str,
    *,
    turns: int = TURNS,
    shaping: Shaping = NO_SHAPING,
    max_turns: int = 0,
    policy_version: int = 0,
) -> Iterator[Fragment]:
    """The game as some seats saw it, in fragments of so many turns; the last is filled up with turns that show its end.

    The behaviour's probabilities are not known: they are put down as 1 (log-probability 0), values as 0 and memories as
    zeros, so this is experience for Q-learning; V-trace weighs it less than it deserves, never more. A batch knows no
    surrenders: a game is told up to the turn of the first one. `max_turns` is where longer games were cut short.
    """
    actions = actions_of(record)
    setup = Setup(
        ruleset=record.ruleset,
        board=MapSpec.plain(record.layout.height, record.layout.width),
        seats=record.layout.seats,
        seed=secrets.randbits(61),
        autoreset="off",
        max_turns=max_turns,
        shaping=shaping,
    )
    with OneThread():
        batch = setup.batch(1)
        batch.restore(0, Game(record.ruleset, record.layout, record.start).row)
        recorder = Recorder(setup, batch, actor, seats)
        unknown = np.zeros((1, len(seats)), np.float32)
        for begin in range(0, len(actions), turns):
            recorder.begin(policy_version)
            for turn in range(begin, begin + turns):
                played = actions[turn : turn + 1] if turn < len(actions) else np.zeros_like(actions[:1])
                recorder.add(played, unknown, unknown)
                if turn < len(actions):
                    batch.step(played)
            yield recorder.finish(unknown)


def actions_of(record: Record) -> Int32:
    """The action codes of a game, int32 (turns, seats), up to its first surrender; 0 where a seat passed."""
    events = record.events
    gone = events[events[:, 2] == SURRENDER, 0]
    until = min([record.turns, *gone.tolist()])
    actions = np.zeros((until - record.start, record.layout.seats), np.int32)
    moves = events[(events[:, 0] < until) & (events[:, 2] > 0)]
    actions[moves[:, 0] - record.start, moves[:, 1]] = moves[:, 2]
    return actions
