"""A trained policy for games that are played elsewhere."""

from pathlib import Path

import torch

from actors.foreign_view import ForeignView
from learner.network import Policy, sample
from learner.snapshot import SnapshotError, file_of, load_policy


class PolicyMind:
    """A policy with its memory of the game at hand.

    `temperature` scales what is left to chance: 1 draws as in training, 0 takes the best. Raises ValueError below 0.
    """

    def __init__(
        self, name: str, policy: Policy, board: tuple[int, int] = (0, 0), seed: int = 0, temperature: float = 1.0
    ) -> None:
        if not temperature >= 0.0:
            raise ValueError(f"temperature is {temperature}; accepted: 0 and more")
        self.name, self.policy, self.board, self.temperature = name, policy, board, temperature
        self._generator = torch.Generator().manual_seed(seed)

    @classmethod
    def load(cls, path: Path, seed: int = 0, temperature: float = 1.0) -> "PolicyMind":
        """Read `path`.safetensors and `path`.json. Raises SnapshotError."""
        snapshot = load_policy(path)
        return cls(path.name, snapshot.policy, trained_board(path, snapshot.about), seed, temperature)

    def begin(self, view: ForeignView) -> None:
        """Forget the game before. Raises ValueError for a game with another number of seats than it was trained for."""
        if view.seats != self.policy.config.seats:
            raise ValueError(
                f'policy "{self.name}" plays games of {self.policy.config.seats} seats; this one has {view.seats}'
            )
        self._memory = self.policy.first_memory(1, view.shape.height, view.shape.width)
        self._resets = torch.zeros((1, 1), dtype=torch.bool)

    @torch.inference_mode()
    def decide(self, view: ForeignView) -> int:
        """The action code, drawn from the policy."""
        words, vector = torch.from_numpy(view.words), torch.from_numpy(view.vector)
        output = self.policy(words[None, None], vector[None, None], self._memory, self._resets)
        self._memory = output.memory
        logits = output.logits[0, 0]
        if self.temperature == 0.0:
            return int(logits.argmax())
        return int(sample(logits / self.temperature, self._generator))


def trained_board(path: Path, about: dict[str, object]) -> tuple[int, int]:
    """Height and width of the boards a policy was trained on, as its description says. Raises SnapshotError."""
    board = about.get("board", [0, 0])
    if not (
        isinstance(board, list) and len(board) == 2 and all(type(side) is int and 0 <= side <= 250 for side in board)
    ):
        raise SnapshotError(f"{file_of(path, '.json')}: board is {board!r}; accepted: [height, width]")
    return board[0], board[1]
