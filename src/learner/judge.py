"""The judge of new policies: does the newest version beat the champion? `python -m learner.judge` in the actor's image.

The training machine starts it with the variables JUDGE_TOKEN, JUDGE_POLICY and JUDGE_PAIRS and waits for the answer
that it gives to AWS Step Functions under that token. Without a token the answer is printed.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.rulesets import RULESETS
from learner.demo import demo_board, turn_limit
from learner.players import PolicyPlayer
from learner.rating import Arena, pair_interval, play_match
from learner.registry import fetch_policy
from store.connect import Connection
from store.errors import NotFoundError
from store.names import Names
from store.policies import CHAMPION, Policies, PolicyVersion

PART = 50  # pairs that are played between two signs of life
TOKEN_VARIABLE, POLICY_VARIABLE, PAIRS_VARIABLE = "JUDGE_TOKEN", "JUDGE_POLICY", "JUDGE_PAIRS"


@dataclass(frozen=True)
class Verdict:
    """What the judge found, as the training machine reads it."""

    better: bool
    version: int  # the candidate
    champion: int  # whom it played; 0: there was none
    score: float  # part of the games it won, draws half
    score_low: float  # lower end of the 95 % interval
    score_high: float
    games: int
    judged_ms: int


def judge(
    policies: Policies, name: str, pairs: int, alive: Callable[[], None] = lambda: None, seed: int = 20_000
) -> Verdict:
    """Play the newest version against the champion; better is whose score lies above one half with its whole interval.

    `alive` is called between parts of the match. Raises NotFoundError for an unknown policy.
    """
    candidate = policies.resolve(name)
    try:
        champion = policies.resolve(name, CHAMPION)
    except NotFoundError:
        return _verdict(True, candidate.version, 0)
    if champion.sha256 == candidate.sha256:
        return _verdict(False, candidate.version, champion.version)
    one, other = (PolicyPlayer(f"{v.version}", fetch_policy(policies, v), v.version) for v in (candidate, champion))
    scores = []
    for begin in range(0, pairs, PART):
        match = play_match(one, other, arena_of(candidate, seed + begin), min(PART, pairs - begin))
        scores.append(match.scores)
        alive()
    played = np.concatenate(scores)
    won, lost = pair_interval(played == 1.0), pair_interval(played == 0.0)
    # A draw is half a point: the score's interval lies between those of winning and of not losing.
    low, high = (won.low + 1.0 - lost.high) / 2, (won.high + 1.0 - lost.low) / 2
    score = float(played.mean())
    return _verdict(low > 0.5, candidate.version, champion.version, score, low, high, played.size)


def _verdict(
    better: bool, version: int, champion: int, score: float = 0.5, low: float = 0.0, high: float = 1.0, games: int = 0
) -> Verdict:
    return Verdict(better, version, champion, score, low, high, games, time.time_ns() // 1_000_000)


def arena_of(version: PolicyVersion, seed: int) -> Arena:
    """Where a policy is judged: on maps like those it was trained on, but others."""
    height, width = version.about["board"]
    limit = version.about.get("turn_limit") or turn_limit(height, width)
    return Arena(RULESETS[version.about["ruleset"]].vary(turn_limit=limit), demo_board(height, width), seed)


def main(environment: Mapping[str, str] = os.environ, states: Any = None) -> int:
    """Judge and answer. `states` is a client of Step Functions, made where it is needed. Returns the exit status."""
    token, names = environment.get(TOKEN_VARIABLE, ""), Names.from_environment(environment)
    if token and states is None:
        import boto3

        states = boto3.client("stepfunctions", region_name=names.region, endpoint_url=names.endpoint)

    def alive() -> None:
        if token:
            states.send_task_heartbeat(taskToken=token)

    try:
        verdict = judge(Policies(Connection(names)), *_asked(environment), alive)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        if token:
            states.send_task_failure(taskToken=token, error=type(error).__name__, cause=str(error)[:1000])
        return 1
    answer = json.dumps(asdict(verdict))
    print(answer, flush=True)
    if token:
        states.send_task_success(taskToken=token, output=answer)
    return 0


def _asked(environment: Mapping[str, str]) -> tuple[str, int]:
    """The policy's name and how many pairs to play. Raises ValueError."""
    name, pairs = environment.get(POLICY_VARIABLE, ""), environment.get(PAIRS_VARIABLE, "400")
    if not name:
        raise ValueError(f"{POLICY_VARIABLE} is not set; accepted: the name of a policy")
    if not re.fullmatch("0*[1-9][0-9]{0,8}", pairs):
        raise ValueError(f'{PAIRS_VARIABLE} is "{pairs}"; accepted: a whole number above 0')
    return name, int(pairs)


if __name__ == "__main__":
    sys.exit(main())
