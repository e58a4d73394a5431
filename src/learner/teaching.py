"""Learning from a scripted bot: the learner plays, and at every turn the bot says what it would have done.

A policy that is shown its teacher's games alone never sees where its own mistakes lead. So games are played by the
learner itself as well, and labelled by the teacher all the same (DAgger, Ross et al. 2011): at the start of a game each
seat is given to the teacher with a probability that falls over the run, and else to the learner.

In some games the learner meets a weaker bot instead. Against its equals it is seldom far ahead, and a policy that never
was does not know how to end a game that it has won.

Where the teacher likes several moves alike, any of them is right: which it takes says nothing that could be learned.

The value head learns what games are worth as they are played, by TD(lambda): 1 for a win, -1 for a defeat.
"""

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from engine.arrays import Bool, Int32, Int64
from engine.batch import GameBatch
from engine.bots import HUNTERS
from engine.compile import OneThread
from learner.cloning import Fragment, accepted
from learner.crew import crew_of
from learner.network import Policy, sample
from learner.players import answer
from learner.ppo import advantages_of
from learner.precision import half_pays

GAMMA, LAMBDA = 0.997, 0.95  # the discount a turn, and how far rewards are trusted rather than the value head
WEAKER = ("random", "expander")
TEMPERATURE = (
    0.2  # at which the learner plays: near what a finished policy is tempered to, so that it meets what that meets
)
SCATTER = 300  # turns, over which games are scattered at the start
MANY = 128  # games whose bots are worth more than one thread
NEWEST = 0.05  # weight of the newest fragment in the agreement told; the first ones weigh alike


class Lessons:
    """Games of two between learner and teacher; a source of fragments for `learner.cloning.Cloning`.

    batch: made with autoreset "next". teacher: a bot of `engine.bots`. guided: the probability that the teacher has a
    seat, asked at the start of every game. weaker: part of the games that the learner plays against one of WEAKER.
    """

    def __init__(
        self,
        policy: Policy,
        batch: GameBatch,
        teacher: str,
        seed: int,
        guided: Callable[[], float],
        weaker: float = 0.0,
    ) -> None:
        self.policy, self.batch, self.guided = policy, batch, guided
        self.rows, self.height, self.width = batch.num_games * batch.seats, batch.height, batch.width
        self._teachers = [teacher] * batch.seats
        self._device = next(policy.parameters()).device
        self._crew = crew_of(self._device)
        self._chance = np.random.default_rng(seed)
        self._threads = OneThread if batch.num_games < MANY else nullcontext
        self._generator = torch.Generator(self._device).manual_seed(seed)
        self._memory = policy.first_memory(self.rows, self.height, self.width)
        self._fresh: Bool = np.ones(batch.num_games, np.bool_)
        self._over: Bool = np.zeros(batch.num_games, np.bool_)
        self.agreement = 0.0  # part of the teacher's latest moves, passes aside, that were the learner's first choice
        self._compared = 0  # fragments that it is of
        self._weaker = weaker
        self._by_teacher = np.zeros((batch.num_games, batch.seats), np.bool_)
        self._by_weaker = np.full((batch.num_games, batch.seats), -1, np.int8)  # which of WEAKER, -1: none
        batch.reset()
        self._scatter()

    @torch.no_grad()
    def fragment(self, turns: int) -> Fragment:
        """The next T turns; row seats * game + seat."""
        kept: list[tuple[Tensor, ...]] = []
        ends: list[tuple[Tensor, ...]] = []
        agreed: list[Tensor] = []
        for _ in range(turns):
            words, vector, resets, values, logits = self._look(keep=True)
            labels, equals, played = self._choose(logits)
            with self._threads():
                _, reward, won, cut, _ = self.batch.step(played)
            valid = self._of_rows(~self._over)
            self._fresh, self._over = self._over, won | cut
            kept.append((words, vector, resets, labels, values, valid, equals))
            right = accepted(Fragment(*(x[None] for x in kept[-1])), logits.shape[-1])[0]
            agreed.append(right.gather(-1, logits.argmax(-1, keepdim=True))[:, 0][(labels > 0) & valid])
            ends.append((self._tensor(reward.reshape(-1)), self._of_rows(won), self._of_rows(cut)))
        last = self._look(keep=False)[3]
        words, vector, resets, labels, values, valid, equals = (
            torch.stack(column) for column in zip(*kept, strict=True)
        )
        rewards, terminated, truncated = (torch.stack(column) for column in zip(*ends, strict=True))
        advantages = advantages_of(rewards, torch.cat([values, last[None]]), terminated, truncated, GAMMA, LAMBDA)
        if len(moved := torch.cat(agreed)):
            self._compared += 1
            self.agreement += max(NEWEST, 1.0 / self._compared) * (float(moved.float().mean()) - self.agreement)
        return Fragment(words, vector, resets, labels, (advantages + values).clamp(-1.0, 1.0), valid, equals)

    def _scatter(self) -> None:
        """Let the teacher begin every game, for another while each; games in step would all teach the same."""
        lead = self._chance.integers(0, SCATTER, self.batch.num_games)
        with self._threads():
            for turn in range(SCATTER):
                playing = np.flatnonzero((lead > turn) & ~self._over).astype(np.int32)
                if len(playing):
                    actions = self.batch.bot_actions(self._teachers, playing)
                    _, _, terminated, truncated, _ = self.batch.step(actions, playing)
                    self._over[playing] = terminated | truncated

    def _look(self, keep: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """What all rows see, and what the policy makes of it: words, vector, resets, values (L,), logits (L, A)."""
        seen = self.batch.observe()
        words = self._tensor(seen.words.reshape(self.rows, self.height, self.width).copy())
        vector = self._tensor(seen.vector.reshape(self.rows, -1).copy())
        resets = self._of_rows(self._fresh)
        in_half = half_pays(self._device)
        output = answer(self._crew, self.policy, words, vector, self._memory, resets, in_half)
        if keep:
            self._memory = output.memory.float()
        return words, vector, resets, output.values[0], output.logits[0].float()

    def _choose(self, logits: Tensor) -> tuple[Tensor, Tensor, Int32]:
        """What the teacher would do, int64 (L,), moves that it likes as well, uint8 (L, H, W), and what is done, int32
        (G, S).
        """
        self._deal(np.flatnonzero(self._fresh))
        with self._threads():
            if self._teachers[0] in HUNTERS:
                told, equals = self.batch.hunter_equals(self._teachers[0])
            else:
                told = self.batch.bot_actions(self._teachers)
                equals = np.zeros((*told.shape, self.height, self.width), np.uint8)
            own = sample(logits / TEMPERATURE, self._generator).to("cpu", torch.int32).numpy().reshape(told.shape)
            played: Int32 = np.where(self._by_teacher, told, own)
            for number, name in enumerate(WEAKER):
                theirs = self._by_weaker == number
                if theirs.any():
                    played[theirs] = self.batch.bot_actions(name)[theirs]
        rows = self._tensor(equals.reshape(self.rows, self.height, self.width))
        return self._tensor(told.reshape(-1).astype(np.int64)), rows, played

    def _deal(self, begun: Int64) -> None:
        """Give out the seats of games that begin."""
        count, seats = len(begun), self.batch.seats
        self._by_teacher[begun] = self._chance.random((count, seats)) < self.guided()
        self._by_weaker[begun] = -1
        if self._weaker:
            met = begun[self._chance.random(count) < self._weaker]
            self._by_teacher[met] = False
            self._by_weaker[met, self._chance.integers(seats, size=len(met))] = self._chance.integers(
                len(WEAKER), size=len(met)
            )

    def _of_rows(self, per_game: Bool) -> Tensor:
        return self._tensor(np.repeat(per_game, self.batch.seats))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self._device)
