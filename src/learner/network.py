"""The policy: what it sees, what it remembers, what it wants to do.

    words, vector -> planes -> convolutional encoder -> GRU -> one logit an action, one value

Everything works tile by tile, or patch by patch of tiles, with 3x3 neighbourhoods, so one network plays boards of any
size. Its memory is a board as well: a convolutional GRU keeps some numbers a tile and mixes them with the neighbours'
once a turn, so what was seen at one end of the board reaches the other some turns later. (Ballas et al. 2016; Guez et
al. 2019 for planning with it.)

Letters in the comments: T turns, B rows (a row is one seat of one game), H x W tiles, C channels, M memory numbers
a tile, A actions.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.advice import BUILDING, PASSING
from engine.board import VECTOR_SEAT
from learner.advice import TRUST, Advice
from learner.belief import Belief
from learner.blocks import Block, Neighbours
from learner.board_gru import BoardGRU
from learner.facts import HARVEST_TURNS, phase, scalars
from learner.histogram import mean_of
from learner.network_config import NetworkConfig
from learner.patches import Patches, folded, must_pad, unfolded
from learner.patience import GATHER_UNTIL, Patience
from learner.precision import full_precision
from learner.pyramid import Pyramid
from learner.sight import Sight, legal_actions
from learner.ways import COUNT, LINEAR, ORDER, Ways

ILLEGAL = -1e9  # the logit of what the mask forbids; finite, so that 0 * log(0) stays 0
LOUDER = 4.0  # how much larger the heads read the linear planes of ways: a step is a quarter, a few armies as much


class Output(NamedTuple):
    """What the policy answers to T turns of B rows."""

    logits: Tensor  # (T, B, A) float32, ILLEGAL where the mask forbids; of a Q network what each action is worth
    values: Tensor  # (T, B) float32
    memory: Tensor  # (B, M, H, W) float32, after the last turn
    bins: Tensor | None = None  # (T, B, value_bins) logits of the values, where these are histograms


class Perceived(NamedTuple):
    """What heads read of T turns of B rows."""

    tiles: Tensor  # (T * B, width, H, W)
    hidden: Tensor  # (T * B, hidden), of the whole board
    legal: Tensor  # (T * B, A) bool
    memory: Tensor  # (B, M, H, W), after the last turn
    board: Tensor  # (T * B, P, H, W), the planes of `Trunk.survey`


class Moves(nn.Module):
    """Judges each move by the tile it leaves and the tile it enters, by the same rule in every direction."""

    def __init__(self, channels: int, width: int, kinds: int) -> None:
        super().__init__()
        self.leave = nn.Conv2d(channels, width, 1)
        self.enter = nn.Conv2d(channels, width, 1)
        self.judge = nn.Linear(width, kinds)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to logits (N, tiles, 4, kinds); kinds: the whole army, and half of it."""
        enter = F.pad(self.enter(x).permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # (N, H + 2, W + 2, width)
        ways = (
            enter[:, :-2, 1:-1],
            enter[:, 2:, 1:-1],
            enter[:, 1:-1, :-2],
            enter[:, 1:-1, 2:],
        )  # up, down, left, right
        both = torch.stack(ways, dim=3) + self.leave(x).permute(0, 2, 3, 1)[:, :, :, None]
        logits: Tensor = self.judge(F.relu(both, inplace=True))
        return logits.flatten(1, 2)


class Trunk(nn.Module):
    """What every recurrent network here has before its heads: encoder, memory and a view of the whole board.

    A subclass adds heads and calls `_initialise`; its answer is an `Output`.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        c, m, patch = config.channels, config.memory * config.patch**2, config.patch
        shown = (LINEAR if config.ways else 0) + (len(GATHER_UNTIL) if config.ordered else 0)
        self.width = c + shown  # channels of the tiles that the heads read
        wide = c * patch  # of the places that the trunk works on
        self.sight = Sight()
        self.ways = Ways(config.ordered) if config.ways else None
        self.belief = Belief(config.castles) if config.belief else None
        self.advice = Advice(config.adviser, config.castles) if config.adviser else None
        planes = self.sight.count + self.searches
        self.first = nn.Conv2d(planes, c, 1)
        facts = 3 + VECTOR_SEAT * config.seats + (HARVEST_TURNS if config.phases else 0)
        self.vector = nn.Linear(facts, c)
        self.patience = Patience(facts) if config.ordered else None
        self.patches = Patches(c, wide, patch) if patch > 1 else None
        self.blocks = nn.Sequential(*(Block(wide) for _ in range(config.blocks)))
        self.pyramid = Pyramid(wide, config.levels, config.level_blocks) if config.levels else None
        self.gru = BoardGRU(wide, m)
        self.mix = nn.Conv2d(m, wide, 1)
        self.aim = Block(wide)
        self.overview = nn.Sequential(nn.Linear(2 * wide + facts, config.hidden), nn.LayerNorm(config.hidden))

    def _initialise(self, heads: Iterable[nn.Linear | nn.Conv2d | None]) -> None:
        """Start undecided: what the heads answer is near 0 and near equal, so that the first games explore."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.orthogonal_(module.weight.flatten(1), gain=2**0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, Neighbours):
                nn.init.normal_(module.weight)
                module.weight.data *= torch.tensor([0.5, 0.2, 0.2])  # four beside and four at the corners, much alike
        for head in heads:
            if head is not None:
                nn.init.normal_(head.weight, std=0.01)
        if self.config.phases:  # at first all turns of the cycle are alike
            for weight in (self.vector.weight, self.overview.get_parameter("0.weight")):
                nn.init.zeros_(weight[:, -HARVEST_TURNS:])
        if self.patience is not None:
            self.patience.initialise()
        ends = () if self.patches is None else (self.patches.near, self.patches.far)
        for block in (*self.blocks, self.aim, *ends):  # so that what flows through the shortcuts keeps its size
            nn.init.orthogonal_(block.think.weight.flatten(1), gain=0.5)
        nn.init.orthogonal_(self.gru.read.weight.flatten(1), gain=1.0)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def first_memory(self, rows: int, height: int, width: int) -> Tensor:
        """The memory of rows that have seen nothing: zeros (rows, M, H, W)."""
        device = self.first.weight.device
        memory = torch.zeros((rows, self.config.memory, height, width), device=device)
        return memory.contiguous(memory_format=torch.channels_last)

    def encode(self, board: Tensor, facts: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder: planes (N, P, H, W) of `survey` and `facts` (N, K) to places (N, C, h, w) and tiles
        (N, C', H, W); where the network thinks in no patches, these are the same.
        """
        tiles: Tensor = F.relu(self.first(board) + self.vector(facts)[..., None, None], inplace=True)
        x = tiles
        if self.patches is not None:
            x, tiles = self.patches(tiles)
        x = self.blocks(x)
        x = x if self.pyramid is None else self.pyramid(x)
        return x, tiles if self.patches is not None else x

    def facts(self, vector: Tensor, tiles: int) -> Tensor:
        """What `encode` and the overview read beside the board: vector (N, 1 + 3S) int32 to (N, K) float32."""
        always = scalars(vector, tiles)
        return torch.cat([always, phase(vector)], dim=1) if self.config.phases else always

    @property
    def searches(self) -> int:
        """Planes that `search` makes."""
        return sum(part.count for part in (self.ways, self.belief, self.advice) if part)

    def search(self, board: Tensor, vector: Tensor, words: Tensor | None) -> Tensor | None:
        """The planes (N, P', H, W) of ways, belief and advice, where the network is shown them.

        They follow from the planes (N, P, H, W) of `Sight`, vector (N, 1 + 3S) int32 and words (N, H, W) int32 alone,
        so that nobody has to search twice. Only advice asks for words.
        """
        parts: list[Tensor] = []
        if self.ways is not None:
            found = None if self.belief is None else self.belief(board, vector)
            parts.append(self.ways(board, None if found is None else found.likely))
            if found is not None:
                parts.append(found.chance[:, None])
        if self.advice is not None:
            parts.append(self.advice(words, vector))
        return torch.cat(parts, dim=1) if parts else None

    def survey(self, board: Tensor, vector: Tensor, words: Tensor | None, searched: Tensor | None = None) -> Tensor:
        """Planes (N, P, H, W) of `Sight` with those of `search` behind them, made here unless they were kept."""
        found = self.search(board, vector, words) if searched is None else searched
        return board if found is None else torch.cat([board, found.to(board.dtype)], dim=1)

    def tiles(self, x: Tensor, tiles: Tensor, board: Tensor, facts: Tensor) -> Tensor:
        """What the heads read of the tiles, (N, width, H, W): places x and tiles, as `encode` has them; where ways are
        shown, their lengths, which an army shortens that marches, and armies; and what is due.
        """
        if self.patches is not None:
            x = self.patches.back(x, tiles)
        if self.ways is None:
            return x
        at = self.sight.count
        shown = [x, LOUDER * board[:, at : at + LINEAR].to(x.dtype)]
        if self.patience is not None:
            due = self.patience(board[:, at + COUNT : at + COUNT + ORDER], facts)
            shown.append(LOUDER * due.to(x.dtype))
        return torch.cat(shown, dim=1)

    def remember(self, x: Tensor, memory: Tensor, resets: Tensor) -> tuple[Tensor, Tensor]:
        """What is remembered of places after each turn, (T, B, M', h, w), and the memory after the last one.

        x: (T, B, C, h, w), places as `encode` has them; memory (B, M, H, W), numbers of each tile; resets (T, B) bool.
        """
        patch = self.config.patch
        if patch == 1:
            return self.gru(x, memory, resets)  # type: ignore[no-any-return]
        height, width = memory.shape[2:]
        inside = folded(torch.ones_like(memory[:1]), patch) if must_pad(memory, patch) else None
        states, memory = self.gru(x, folded(memory, patch), resets, inside)
        return states, unfolded(memory, patch, height, width)

    def perceive(
        self, words: Tensor, vector: Tensor, memory: Tensor, resets: Tensor, searched: Tensor | None = None
    ) -> Perceived:
        """What the heads read. The arguments are those of `forward`."""
        turns, rows, height, width = words.shape
        flat = words.flatten(0, 1)
        facts = self.facts(vector.flatten(0, 1), height * width)
        kept = None if searched is None else searched.flatten(0, 1)
        board = self.survey(self.sight(flat), vector.flatten(0, 1), flat, kept)
        x, tiles = self.encode(board, facts)
        states, memory = self.remember(x.reshape(turns, rows, *x.shape[1:]), memory, resets)
        x = self.aim(F.relu(x + self.mix(states.flatten(0, 1)), inplace=True))
        hidden = F.relu(self.overview(torch.cat([x.mean((2, 3)), x.amax((2, 3)), facts], dim=1)))
        legal = legal_actions(flat, self.config.halves, self.config.castles)
        return Perceived(self.tiles(x, tiles, board, facts), hidden, legal, memory, board)

    def forward(
        self, words: Tensor, vector: Tensor, memory: Tensor, resets: Tensor, searched: Tensor | None = None
    ) -> Output:
        """Words (T, B, H, W) and vector (T, B, V), int32; memory (B, M, H, W); resets (T, B) bool. searched: what
        `search` found, (T, B, P', H, W), where that was kept.
        """
        raise NotImplementedError


class Policy(Trunk):
    """The recurrent policy. Action codes are `engine.actions`'; index and code are one."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.moves = Moves(self.width, config.pairs, 2 if config.halves else 1)
        self.build = nn.Conv2d(self.width, 1, 1) if config.castles else None
        self.rest = nn.Linear(config.hidden, 1)
        self.value = nn.Linear(config.hidden, config.value_bins or 1)
        self.trust = nn.Parameter(torch.tensor(TRUST[config.adviser])) if config.adviser else None
        self._initialise((self.moves.judge, self.build, self.rest, self.value))

    def forward(
        self, words: Tensor, vector: Tensor, memory: Tensor, resets: Tensor, searched: Tensor | None = None
    ) -> Output:
        """See `Trunk.forward`."""
        x, hidden, legal, memory, board = self.perceive(words, vector, memory, resets, searched)
        logits = self._logits(x, hidden, board).masked_fill(~legal, ILLEGAL)
        logits = logits.view(*words.shape[:2], -1)
        with full_precision(hidden):
            bins = self.value(hidden.float()).view(*words.shape[:2], -1)
            values = self.value_of(bins)
        return Output(logits, values, memory, bins if self.config.value_bins else None)

    def value_of(self, answer: Tensor) -> Tensor:
        """What the value head's answer (..., value_bins or 1) says a position is worth, (...)."""
        return mean_of(answer) if self.config.value_bins else answer.squeeze(-1)

    @torch.no_grad()
    def temper(self, temperature: float) -> None:
        """From now on choose as at this temperature: all logits are divided by it, in the heads' own weights.

        Below 1 the likeliest actions become likelier; a policy that imitates plays better so. Raises ValueError.
        """
        if not 0.0 < temperature <= 100.0:
            raise ValueError(f"temperature is {temperature}; accepted: above 0 to 100")
        for head in (self.rest, self.moves.judge, self.build):
            if head is not None:
                for parameter in head.parameters():
                    parameter.div_(temperature)
        if self.trust is not None:
            self.trust.div_(temperature)

    def _logits(self, x: Tensor, hidden: Tensor, board: Tensor) -> Tensor:
        """Tiles (N, C, H, W), (N, hidden) and the planes of `survey` to (N, A), in the order of the action codes."""
        moves = self.moves(x)
        rest, built = self.rest(hidden), None if self.build is None else self.build(x).flatten(1)
        if self.advice is not None and self.trust is not None:
            advised = self.trust * board[:, board.shape[1] - self.advice.count :].flatten(2).transpose(1, 2)
            first = (moves[..., 0] + advised[..., :PASSING].to(moves.dtype))[..., None]
            moves = torch.cat([first, moves[..., 1:]], dim=-1)
            rest = rest + advised[:, :1, PASSING].to(rest.dtype)
            built = None if built is None else built + advised[..., BUILDING].to(built.dtype)
        if not self.config.halves:
            moves = F.pad(moves, (0, 1), value=ILLEGAL)
        return torch.cat([rest, moves.flatten(1), *([] if built is None else [built])], dim=1)


def parameters_of(network: nn.Module) -> int:
    """How many numbers were learned."""
    return sum(parameter.numel() for parameter in network.parameters())


def sample(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw an action a row from logits (..., A): int64 (...), by the Gumbel trick (Maddison et al. 2014)."""
    noise = torch.empty_like(logits).exponential_(generator=generator)
    return (logits - noise.log()).argmax(-1)
