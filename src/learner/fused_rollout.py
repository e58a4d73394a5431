"""Fragments of self-play that never leave the device: both seats of all games learn, and nothing waits for the host.

A turn is: look, answer, draw actions, play, write down. All of it works on tensors that stay where they are, so on a
GPU one turn is captured in a CUDA graph and replayed; the observations are kept as the engine's words, four bytes a
tile, and become planes in the network. `learner.rollout` tells why batches reset with "next".
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.bots import find_bot
from learner.arena import Arena
from learner.network import Output, Policy, sample
from learner.precision import half_precision
from learner.rollout import Fragment

WARM_TURNS = 3  # played before a turn is captured, so that all libraries are set up


class Outcomes(NamedTuple):
    """What became of the games that ended in a fragment: sums."""

    episodes: int
    turns: int
    draws: int
    truncated: int
    first_seat_wins: int
    rival_episodes: int  # those of them against a rival
    rival_wins: int  # of these, won by the learner
    bot_episodes: int  # those against a scripted bot
    bot_wins: int  # of these, won by the learner


class FusedRollout:
    """Plays an arena with a policy, both seats; keeps the policy's memory between fragments.

    network: the policy, or what torch.compile made of it. The fragment's tensors are the same in every `collect`.
    rival: plays one seat, by turns, of the last `rival_games` games; bot: a scripted bot's name, that of the first
    `bot_games`. Nothing is learned from what these do: `learning` are the rows of all other seats, int64 (K,).
    """

    def __init__(
        self,
        arena: Arena,
        policy: Policy,
        turns: int,
        *,
        network: Callable[..., Output] | None = None,
        bf16: bool = False,
        graph: bool = False,
        rival: Policy | None = None,
        rival_games: int = 0,
        bot: str = "hunter",
        bot_games: int = 0,
    ) -> None:
        batch, rows, device = arena.batch, arena.rows, arena.device
        self.arena, self.turns, self.bf16 = arena, turns, bf16
        self.policy = policy
        self.network: Callable[..., Output] = policy if network is None else network
        self.memory = policy.first_memory(rows, batch.height, batch.width)
        self.fresh = torch.ones(batch.num_games, dtype=torch.bool, device=device)  # the game has just begun
        self.over = arena.terminated | arena.truncated  # the game ended with the last step
        self.slot = torch.zeros(1, dtype=torch.int64, device=device)  # the turn being played, of the fragment
        games = torch.arange(batch.num_games - rival_games, batch.num_games, device=device)
        self.rival, self.rival_seats = rival, games % 2
        self.rival_rows = batch.seats * games + self.rival_seats
        self.rival_memory = policy.first_memory(rival_games, batch.height, batch.width)
        self.bot_seats = torch.arange(bot_games, device=device) % 2
        bots = np.full((batch.num_games, batch.seats), -1, np.int8)
        bots[np.arange(bot_games), self.bot_seats.cpu().numpy()] = find_bot(bot)
        if bot_games:
            arena.seat_bots(bots)
        self._learns = torch.from_numpy(bots.reshape(-1) < 0).to(device)
        self._learns[self.rival_rows] = False
        self.learning = self._learns.nonzero()[:, 0]
        self.counts = torch.zeros(len(Outcomes._fields), dtype=torch.int64, device=device)

        def column(*shape: int, dtype: torch.dtype, extra: int = 0) -> Tensor:
            return torch.zeros((turns + extra, rows, *shape), dtype=dtype, device=device)

        self.fragment = Fragment(
            words=column(batch.height, batch.width, dtype=torch.int32),
            vector=column(arena.vector.shape[-1], dtype=torch.int32),
            resets=column(dtype=torch.bool),
            memory=self.memory.clone(),
            actions=column(dtype=torch.int64),
            log_probs=column(dtype=torch.float32),
            values=column(dtype=torch.float32, extra=1),
            rewards=column(dtype=torch.float32),
            terminated=column(dtype=torch.bool),
            truncated=column(dtype=torch.bool),
            valid=column(dtype=torch.bool),
            searched=self._room_for_searches(column),
        )
        self._graph = self._capture() if graph and device.type == "cuda" else None

    @torch.no_grad()
    def collect(self) -> Fragment:
        """Play the fragment's turns: both seats of every game, rows game by game."""
        self.arena.prepare()
        self.slot.zero_()
        self.fragment.memory.copy_(self.memory)
        for _ in range(self.turns):
            if self._graph is None:
                self._turn()
            else:
                self._graph.replay()
        self.fragment.values[self.turns] = self.answer().values[0].float()
        return self.fragment

    @torch.no_grad()
    def answer(self) -> Output:
        """The network's answer to what all rows see now, which nobody plays."""
        words, vector, resets = self._look()
        return self._answer(words, vector, resets, self._search(words, vector))

    def seat_rival(self, weights: Mapping[str, Tensor]) -> None:
        """Let other weights play the rival's seats from now on; they remember nothing of the games under way."""
        assert self.rival is not None
        self.rival.load_state_dict(weights)
        self.rival_memory.zero_()

    def outcomes(self) -> Outcomes:
        """What became of the games since the last call; waits for the device."""
        found = Outcomes(*self.counts.tolist())
        self.counts.zero_()
        return found

    def _spread(self, per_game: Tensor) -> Tensor:
        """A number a game as a number a row."""
        return per_game.repeat_interleave(self.arena.batch.seats, output_size=self.arena.rows)

    def _look(self) -> tuple[Tensor, Tensor, Tensor]:
        """Words (L, H, W), vectors (L, V) and resets (L,) of all rows now."""
        words, vector = self.arena.words.flatten(0, 1), self.arena.vector.flatten(0, 1)
        if self.arena.batch.num_games == 1:  # of one game that is no copy, and the step would write over it
            words, vector = words.clone(), vector.clone()
        return words, vector, self._spread(self.fresh)

    def _room_for_searches(self, column: Callable[..., Tensor]) -> Tensor | None:
        """Where a fragment keeps what was searched, so that updates need not search again: tile by tile."""
        batch, dtype = self.arena.batch, torch.bfloat16 if self.bf16 else torch.float32
        if not self.policy.searches:
            return None
        return column(batch.height, batch.width, self.policy.searches, dtype=dtype).movedim(-1, 2)

    def _search(self, words: Tensor, vector: Tensor) -> Tensor | None:
        """What the network is shown that takes searches, (L, P', H, W), as the fragment keeps it."""
        if self.fragment.searched is None:
            return None
        found = self.policy.search(self.policy.sight(words), vector, words)
        assert found is not None
        return found.to(self.fragment.searched.dtype)

    def _answer(self, words: Tensor, vector: Tensor, resets: Tensor, searched: Tensor | None) -> Output:
        kept = None if searched is None else searched[None]
        with half_precision(self.arena.device, self.bf16):
            output: Output = self.network(words[None], vector[None], self.memory, resets[None], kept)
        return output

    def _turn(self) -> None:
        """One turn of all games."""
        arena, fragment = self.arena, self.fragment
        words, vector, resets = self._look()
        searched = self._search(words, vector)
        output = self._answer(words, vector, resets, searched)
        logits = output.logits[0].float()
        actions = sample(logits)
        log_probs = logits.log_softmax(-1).gather(-1, actions[:, None])[:, 0]
        self.memory.copy_(output.memory)
        valid = self._spread(~self.over) & self._learns
        if self.rival is not None:
            actions[self.rival_rows] = self._rivals_actions(self.rival, words, vector, resets, searched)
        arena.actions.copy_(actions.view_as(arena.actions))
        if len(self.bot_seats):
            arena.play_bots()
        arena.step()
        rewards, terminated, truncated = arena.reward.flatten(), arena.terminated, arena.truncated
        for kept, now in (
            (fragment.words, words),
            (fragment.vector, vector),
            (fragment.resets, resets),
            (fragment.actions, actions),
            (fragment.log_probs, log_probs),
            (fragment.values, output.values[0].float()),
            (fragment.rewards, rewards),
            (fragment.terminated, self._spread(terminated)),
            (fragment.truncated, self._spread(truncated)),
            (fragment.valid, valid),
            (fragment.searched, searched),
        ):
            if kept is not None and now is not None:
                kept.index_copy_(0, self.slot, now[None])
        self.slot += 1
        self.fresh.copy_(self.over)
        self.over.copy_(terminated | truncated)
        self._count()

    def _rivals_actions(
        self, rival: Policy, words: Tensor, vector: Tensor, resets: Tensor, searched: Tensor | None
    ) -> Tensor:
        """What the rival does on its rows, int64 (K,); it is shown what the policy is."""
        rows = self.rival_rows
        kept = None if searched is None else searched[rows][None]
        with half_precision(self.arena.device, self.bf16):
            output = rival(words[rows][None], vector[rows][None], self.rival_memory, resets[rows][None], kept)
        self.rival_memory.copy_(output.memory)
        return sample(output.logits[0].float())

    def _count(self) -> None:
        arena, over = self.arena, self.over
        rivals = slice(arena.batch.num_games - len(self.rival_seats), None)
        bots = slice(len(self.bot_seats))
        self.counts += torch.stack(
            [
                over.sum(),
                (arena.turns * over).sum(),
                (arena.terminated & (arena.winner < 0)).sum(),
                arena.truncated.sum(),
                (arena.terminated & (arena.winner == 0)).sum(),
                over[rivals].sum(),
                self._beaten(rivals, self.rival_seats),
                over[bots].sum(),
                self._beaten(bots, self.bot_seats),
            ]
        )

    def _beaten(self, games: slice, seats: Tensor) -> Tensor:
        """How many of some games ended now and were won, but not by these seats, int64 (K,)."""
        winner = self.arena.winner[games]
        return (self.arena.terminated[games] & (winner >= 0) & (winner != seats)).sum()

    def _capture(self) -> torch.cuda.CUDAGraph:
        """A turn as a CUDA graph. Plays some turns; the first fragment then begins wherever the games stand."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.no_grad(), torch.cuda.stream(stream):
            for _ in range(WARM_TURNS):
                self.slot.zero_()
                self._turn()
            self.arena.prepare()
            self.slot.zero_()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.graph(graph):
            self._turn()
        self.arena.prepare()  # the games follow the stream again that all others do
        return graph
