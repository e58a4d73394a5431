"""Experience from the replay service as tensors: fragments are sampled, played again here, and put side by side.

Rows are the learning seats of all games of all fragments, in the order sampled: fragment by fragment, game by game,
seat by seat.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from actors.fragment import Replayed, Replayer, Sizes, check, learners_of, memory_of
from engine.arrays import Int64
from learner.rollout import Fragment
from services.auth import bearer_metadata
from services.channels import open_channel
from services.settings import Settings
from services.stubs import replay_pb2 as messages
from services.stubs.replay_pb2_grpc import ReplayServiceStub


class Experience(NamedTuple):
    """N sampled fragments of T turns, L rows together."""

    fragment: Fragment  # of L rows; `terminated`, `truncated` and `valid` say of a row what they do of its game
    last_words: Tensor  # (L, H, W) int32: what is seen after the last turn
    last_vector: Tensor  # (L, V) int32
    last_resets: Tensor  # (L,) bool
    winner: Tensor  # (T, L) int32, after the turn: -2 the game goes on, -1 draw, else the seat
    seats: Tensor  # (L,) int64: the row's own seat
    owner: Tensor  # (L,) int64: the number of the row's fragment, 0 to N - 1
    keys: Int64  # (N,), for `update_priorities`
    probabilities: np.ndarray  # (N,) float64, with which they were drawn
    policy_versions: Int64  # (N,), of the behaviour policy


@dataclass(frozen=True)
class _Part:
    """One sampled fragment, played again."""

    sample: messages.Sample
    sizes: Sizes
    played: Replayed


class ExperienceClient:
    """Samples `count` fragments at a time from a table of the replay service, the next ones ahead of being asked for.

    `memory` is the number of the policy's memory numbers a tile: for fragments without any, zeros are given.
    """

    def __init__(
        self,
        address: str,
        table: str,
        count: int,
        *,
        memory: int,
        settings: Settings | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        settings = settings or Settings.from_environment()
        self.table, self.count, self.memory, self.device = table, count, memory, torch.device(device)
        self._metadata = bearer_metadata(settings.token)
        self._deadline = settings.deadline_s
        self._channel = open_channel(address, settings)
        self._stub = ReplayServiceStub(self._channel)
        self._replayer = Replayer()
        self._thread = ThreadPoolExecutor(1, "experience")
        self._ahead: Future[Experience] | None = None

    def sample(self) -> Experience:
        """The next fragments; waits for the service's rate limiter.

        Raises grpc.RpcError: DEADLINE_EXCEEDED where too little is inserted, UNAVAILABLE where there is no service; it
        may be called again. Raises ValueError for fragments that differ in turns or board.
        """
        ahead = self._ahead or self._thread.submit(self._fetch)
        self._ahead = None
        experience = ahead.result()
        self._ahead = self._thread.submit(self._fetch)
        return experience

    def update_priorities(self, keys: Int64, priorities: np.ndarray) -> int:
        """Give fragments new priorities (N,); how many of them the table still held. Raises grpc.RpcError."""
        request = messages.UpdatePrioritiesRequest(
            table=self.table, keys=keys.tolist(), priorities=np.asarray(priorities, np.float64).tolist()
        )
        answer = self._stub.UpdatePriorities(request, timeout=self._deadline, metadata=self._metadata)
        return int(answer.updated)

    def stats(self) -> messages.TableStats:
        """What the table holds. Raises grpc.RpcError."""
        request = messages.GetStatsRequest(table=self.table)
        answer: messages.GetStatsResponse = self._stub.GetStats(
            request, timeout=self._deadline, metadata=self._metadata
        )
        return answer.tables[0]

    def close(self) -> None:
        """End the connection; what was sampled ahead is dropped."""
        self._channel.close()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _fetch(self) -> Experience:
        request = messages.GetExperienceBatchRequest(table=self.table, count=self.count)
        answers = self._stub.GetExperienceBatch(request, timeout=self._deadline, metadata=self._metadata)
        samples = [sample for answer in answers for sample in answer.samples]
        parts = [_Part(sample, check(sample.fragment), self._replayer.replay(sample.fragment)) for sample in samples]
        return join(parts, self.memory, self.device)


def join(parts: Sequence[_Part], memory: int, device: torch.device) -> Experience:
    """Fragments side by side. Raises ValueError for fragments that differ in turns or board."""
    shapes = {(part.sizes.turns, part.sizes.height, part.sizes.width, part.sizes.seats) for part in parts}
    if len(shapes) != 1:
        raise ValueError(f"fragments of (turns, height, width, seats) {sorted(shapes)}; accepted: all alike")

    def rows(arrays: list[np.ndarray]) -> Tensor:
        """Arrays (..., G, L) and more as one (..., rows) and more; the first axis is time."""
        return torch.from_numpy(
            np.concatenate([array.reshape(len(array), -1, *array.shape[3:]) for array in arrays], 1)
        )

    def of_games(name: str) -> Tensor:
        spread = [np.repeat(getattr(part.played, name)[..., None], part.sizes.learners, -1) for part in parts]
        return rows(spread)

    words, vector = rows([part.played.words for part in parts]), rows([part.played.vector for part in parts])
    resets = of_games("resets")
    fragment = Fragment(
        words=words[:-1],
        vector=vector[:-1],
        resets=resets[:-1],
        memory=torch.cat([_memory(part, memory) for part in parts]),
        actions=rows([_array(part, "actions", "<i2")[..., list(_seats(part))] for part in parts]).long(),
        log_probs=rows([_array(part, "log_probs", "<f2") for part in parts]).float(),
        values=rows([_array(part, "values", "<f2") for part in parts]).float(),
        rewards=rows([part.played.rewards for part in parts]),
        terminated=of_games("terminated"),
        truncated=of_games("truncated"),
        valid=of_games("valid"),
    )
    owner = np.repeat(np.arange(len(parts)), [part.sizes.games * part.sizes.learners for part in parts])
    return Experience(
        Fragment(*(tensor.to(device) for tensor in fragment if tensor is not None)),
        words[-1].to(device),
        vector[-1].to(device),
        resets[-1].to(device),
        of_games("winner").to(device),
        torch.from_numpy(np.concatenate([np.tile(_seats(part), part.sizes.games) for part in parts])).to(device),
        torch.from_numpy(owner).to(device),
        np.array([part.sample.key for part in parts], np.int64),
        np.array([part.sample.probability for part in parts]),
        np.array([part.sample.fragment.policy_version for part in parts], np.int64),
    )


def _seats(part: _Part) -> tuple[int, ...]:
    return learners_of(part.sample.fragment)


def _array(part: _Part, name: str, kind: str) -> np.ndarray:
    """One of a fragment's arrays, (T, G, S or L) or one turn more."""
    array = np.frombuffer(getattr(part.sample.fragment, name), kind)
    return array.reshape(-1, part.sizes.games, part.sizes.seats if name == "actions" else part.sizes.learners)


def _memory(part: _Part, memory: int) -> Tensor:
    """The memory before the first turn, float32 (rows, M, H, W)."""
    kept = memory_of(part.sample.fragment, part.sizes)
    games, learners, numbers, height, width = kept.shape
    if numbers == 0:
        return torch.zeros(games * learners, memory, height, width)
    if numbers != memory:
        raise ValueError(f"memory of a fragment has {numbers} numbers a tile; accepted: {memory}")
    return torch.from_numpy(kept.reshape(games * learners, numbers, height, width).astype(np.float32))
