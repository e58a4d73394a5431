"""A curriculum of spawn distances: generals first stand near each other, then farther, at last wherever the map wants.

On a large board two beginners hardly ever meet, so nothing they do wins. Near generals make short games with winners.
"""

from dataclasses import dataclass

from engine.map_specs import MapSpec


@dataclass(frozen=True)
class SpawnCurriculum:
    """Which maps to draw how far into a run."""

    board: MapSpec  # of the end
    nearest: int = 6  # distance of generals (Manhattan) at the start, at most
    part: float = 0.5  # of the run after which maps are the board's own; 0: from the start
    stages: int = 8  # steps in which the distance grows

    def __post_init__(self) -> None:
        if self.nearest < 1:
            raise ValueError(f"curriculum nearest is {self.nearest}; accepted: 1 and more")
        if not 0.0 <= self.part <= 1.0:
            raise ValueError(f"curriculum part is {self.part}; accepted: 0 to 1")
        if self.stages < 1:
            raise ValueError(f"curriculum stages is {self.stages}; accepted: 1 and more")

    def maps(self, progress: float) -> MapSpec:
        """The maps at `progress`, 0 to 1 of the run: the same one throughout a stage."""
        stage = int(progress / self.part * self.stages) if self.part > 0 else self.stages
        if stage >= self.stages:
            return self.board
        farthest = self.board.board_height + self.board.board_width
        most = self.nearest + (farthest - self.nearest) * stage // self.stages
        least = min(self.board.apart, max(1, most // 2))
        return self.board.vary(apart=least, apart_walking=min(self.board.apart_walking, least), apart_most=most)
