"""The shape of a network, and the sizes that go by a name."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from engine.advice import ADVISERS


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a network; with the weights it makes the policy again."""

    channels: int = 32  # width of the encoder
    blocks: int = 3  # separable 3x3 convolutions behind the first layer: how far a tile looks in one turn
    memory: int = 16  # GRU numbers a tile
    hidden: int = 64  # width of the value head
    pairs: int = 16  # width of the move head
    seats: int = 2  # seats of the games it plays: sizes the vector
    halves: bool = True  # whether it may move half an army
    castles: bool = False  # whether its ruleset builds castles
    value_bins: int = 0  # bins of a value as a histogram (`learner.histogram`); 0: a number
    levels: int = 0  # halvings of the board in the pyramid (`learner.pyramid`); 0: none
    level_blocks: int = 0  # residual blocks on each of them
    ways: bool = False  # whether it is shown ways over the board (`learner.ways`)
    phases: bool = False  # whether it is told the turn of the cycle of 50 as 50 numbers, one of them 1
    ordered: bool = False  # whether it is shown in which order tiles are gathered, and says for how long it will
    belief: bool = False  # whether it is shown where an enemy's general probably is, and ways lead there
    adviser: str = ""  # a bot that tells it what it would do (`learner.advice`), whom it follows at first
    patch: int = 1  # side of the squares of tiles, and so many times wider, that it thinks in (`learner.patches`)

    def __post_init__(self) -> None:
        for name in ("channels", "memory", "hidden", "pairs"):
            if not 1 <= getattr(self, name) <= 4096:
                raise ValueError(f"network {name} is {getattr(self, name)}; accepted: 1 to 4096")
        if not 0 <= self.blocks <= 256:
            raise ValueError(f"network blocks is {self.blocks}; accepted: 0 to 256")
        if not (0 <= self.levels <= 6 and 0 <= self.level_blocks <= 64):
            raise ValueError(
                f"network levels and level_blocks are {self.levels} and {self.level_blocks}; accepted: to 6 and 64"
            )
        if not 1 <= self.patch <= 8:
            raise ValueError(f"network patch is {self.patch}; accepted: 1 to 8")
        if not 1 <= self.seats <= 16:
            raise ValueError(f"network seats is {self.seats}; accepted: 1 to 16")
        if not (self.value_bins == 0 or 2 <= self.value_bins <= 4096):
            raise ValueError(f"network value_bins is {self.value_bins}; accepted: 0, 2 to 4096")
        for name in ("ordered", "belief"):
            if getattr(self, name) and not self.ways:
                raise ValueError(f"network {name} is True without ways; accepted: False, or ways as well")
        if self.adviser and self.adviser not in ADVISERS:
            raise ValueError(f'network adviser is "{self.adviser}"; accepted: "", {", ".join(ADVISERS)}')
        for name in ("belief", "adviser"):
            if getattr(self, name) and self.seats < 2:
                value = getattr(self, name)
                raise ValueError(f"network {name} is {value} with seats {self.seats}; accepted: seats of 2 to 16")

    @classmethod
    def of(cls, size: str, **options: Any) -> "NetworkConfig":
        """The network of a size by name, with other options. Raises ValueError for an unknown size."""
        if size not in SIZES:
            raise ValueError(f'network size "{size}" is unknown; known: {", ".join(SIZES)}')
        return replace(SIZES[size], **options)

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON; those of OPTIONAL only where they say something."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name] or name not in OPTIONAL}


OPTIONAL = (
    "value_bins",
    "levels",
    "level_blocks",
    "ways",
    "phases",
    "ordered",
    "belief",
    "adviser",
    "patch",
)  # fields that a description may leave out

# The dial `--size`. small and medium think in patches of 2x2 tiles, base and large in a pyramid.
SIZES = {
    "tiny": NetworkConfig(channels=24, blocks=3, memory=8, hidden=64),
    "small": NetworkConfig(channels=32, blocks=4, memory=8, hidden=128, patch=2),
    "medium": NetworkConfig(channels=64, blocks=6, memory=16, hidden=256, patch=2),
    "base": NetworkConfig(channels=32, blocks=1, memory=16, hidden=256, levels=3, level_blocks=2),
    "large": NetworkConfig(channels=48, blocks=1, memory=16, hidden=512, levels=3, level_blocks=4),
}
