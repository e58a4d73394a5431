"""The options that all interfaces share."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.batch import GameBatch
from engine.envs.forms import Form, find_form
from engine.maps import MapSpec
from engine.rewards import Shaping
from engine.rulesets import Ruleset


@dataclass(frozen=True)
class EnvSettings:
    """What is played, for how long, for which reward, and how it is observed."""

    ruleset: str | Ruleset = "generalsio"  # a name of `engine.RULESETS`, or one of your own
    board: str | MapSpec = "site"  # a name of `engine.maps.MAPS`, or one of your own
    seats: int = 2
    max_turns: int = 1000  # longer games are truncated; 0: never
    shaping: Shaping | Mapping[str, float] | None = None  # weights of the shaped reward; None: win or loss alone
    memory: bool = True  # terrain once seen stays known
    observation: str = "compact"  # or "planes"

    def make_batch(self, games: int) -> GameBatch:
        """The games to play; an environment resets them itself. Raises ValueError for unknown names and sizes."""
        shaping = Shaping(**self.shaping) if isinstance(self.shaping, Mapping) else self.shaping
        return GameBatch(
            self.ruleset,
            games,
            board=self.board,
            seats=self.seats,
            autoreset="off",
            max_turns=self.max_turns,
            shaping=shaping,
            memory=self.memory,
        )

    def make_form(self) -> Form:
        """How observations are handed out. Raises ValueError for an unknown name."""
        return find_form(self.observation)
