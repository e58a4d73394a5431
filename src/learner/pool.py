"""The pool: snapshots of the policy that is learning, whom it meets again as opponents and whom the Elo table ranks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from learner.network import Policy
from learner.players import PolicyPlayer
from learner.snapshot import SnapshotError, load_policy, save_policy


@dataclass(frozen=True)
class Member:
    """A snapshot in the pool."""

    name: str
    policy: Policy
    steps: int  # environment steps it had learned from


class Pool:
    """Snapshots in a folder, the oldest first; each is `NAME.safetensors` and `NAME.json`. Raises SnapshotError."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.folder, self.device = folder, device
        self.members: list[Member] = []
        for path in sorted(folder.glob("*.json")):
            snapshot = load_policy(path.with_suffix(""), device)
            steps = snapshot.about.get("steps")
            if not isinstance(steps, int):
                raise SnapshotError(f"{path}: steps is {steps!r}; accepted: a whole number")
            self.members.append(Member(path.stem, snapshot.policy, steps))

    def add(self, policy: Policy, steps: int, about: dict[str, Any]) -> Member:
        """Keep a copy of the policy as it is now."""
        name = f"snapshot-{steps:010d}"
        save_policy(policy, self.folder / name, {**about, "steps": steps})
        twin = load_policy(self.folder / name, self.device).policy
        member = Member(name, twin, steps)
        self.members.append(member)
        return member

    def draw(self, generator: np.random.Generator) -> PolicyPlayer:
        """An opponent: half the time one of the last three, else any, so that old weaknesses are not learned anew."""
        recent = self.members[-3:] if generator.random() < 0.5 else self.members
        member = recent[int(generator.integers(len(recent)))]
        return PolicyPlayer("pool", member.policy, int(generator.integers(2**31)))

    def spread(self, count: int) -> list[Member]:
        """At most `count` members, evenly spaced from the first to the last."""
        if len(self.members) <= count:
            return list(self.members)
        chosen = np.linspace(0, len(self.members) - 1, count).round().astype(int)
        return [self.members[i] for i in chosen]

    def drop_after(self, steps: int) -> None:
        """Remove members that learned from more steps than that: a run resumes from before them."""
        for member in [member for member in self.members if member.steps > steps]:
            self.members.remove(member)
            for suffix in (".json", ".safetensors"):
                (self.folder / f"{member.name}{suffix}").unlink()
