"""What makes a batch of games again: its settings, to JSON and back.

A fragment of experience carries the JSON; from it, the games' numbers and the actions alone the same games come out.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_type_hints

from engine.batch import AUTORESET, GameBatch
from engine.maps import MAPS, MapSpec, find_map
from engine.rewards import NO_SHAPING, Shaping
from engine.rulesets import RULESETS, MoveOrder, Ruleset, find_ruleset

LONGEST = 4096  # characters of JSON

Record = TypeVar("Record", Ruleset, MapSpec, Shaping)


@dataclass(frozen=True)
class Setup:
    """The settings of a `GameBatch`, its number of games aside. Raises ValueError for what no batch accepts."""

    ruleset: Ruleset = RULESETS["generalsio"]
    board: MapSpec = MAPS["site"]
    seats: int = 2
    seed: int = 0
    max_turns: int = 0  # 0: episodes are never truncated
    autoreset: str = "next"
    shaping: Shaping = NO_SHAPING

    def __post_init__(self) -> None:
        self.board.check_seats(self.seats)
        self.board.check_sides(self.seats)
        if self.autoreset not in AUTORESET:
            raise ValueError(f'autoreset "{self.autoreset}" is unknown; accepted: {", ".join(AUTORESET)}')
        if not 0 <= self.seed < 2**62:
            raise ValueError(f"seed is {self.seed}; accepted: 0 to 2**62 - 1")
        if not 0 <= self.max_turns < 2**31:
            raise ValueError(f"max_turns is {self.max_turns}; accepted: 0 to 2**31 - 1")
        if self.ruleset.two_seats and self.seats != 2:
            raise ValueError(f'ruleset "{self.ruleset.name}" is for 2 seats; seats is {self.seats}')

    @classmethod
    def of(
        cls,
        ruleset: str | Ruleset = "generalsio",
        board: str | MapSpec = "site",
        seats: int = 2,
        *,
        shaping: Shaping | None = None,
        **options: Any,
    ) -> "Setup":
        """A setup of things by name; the other options are the fields."""
        return cls(find_ruleset(ruleset), find_map(board, seats), seats, shaping=shaping or NO_SHAPING, **options)

    def batch(self, games: int, **options: Any) -> GameBatch:
        """A batch of these settings; `options` are more of `GameBatch`'s, or others than the setup's."""
        settings: dict[str, Any] = {
            "seed": self.seed,
            "board": self.board,
            "seats": self.seats,
            "autoreset": self.autoreset,
            "max_turns": self.max_turns,
            "shaping": self.shaping,
        }
        return GameBatch(self.ruleset, games, **{**settings, **options})

    def to_json(self) -> str:
        """The setup as JSON, the same text for equal setups."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Setup":
        """A setup of JSON. Raises ValueError for anything else, naming what is wrong."""
        return _from_json(text)


@lru_cache(64)
def _from_json(text: str) -> Setup:
    if len(text) > LONGEST:
        raise ValueError(f"setup has {len(text)} characters; accepted: up to {LONGEST}")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("setup is no JSON; accepted: what `Setup.to_json` writes") from None
    given = _expect("setup", given, {field.name for field in fields(Setup)})
    return Setup(
        ruleset=_record(Ruleset, given["ruleset"]),
        board=_record(MapSpec, given["board"]),
        seats=_value("seats", given["seats"], int),
        seed=_value("seed", given["seed"], int),
        max_turns=_value("max_turns", given["max_turns"], int),
        autoreset=_value("autoreset", given["autoreset"], str),
        shaping=_record(Shaping, given["shaping"]),
    )


def _expect(what: str, given: Any, names: set[str]) -> Mapping[str, Any]:
    """An object of exactly these fields."""
    if not isinstance(given, dict) or set(given) != names:
        found = ", ".join(sorted(given)) if isinstance(given, dict) else type(given).__name__
        raise ValueError(f"{what} has {found[:200]}; accepted: {', '.join(sorted(names))}")
    return given


def _record(kind: type[Record], given: Any) -> Record:
    """A dataclass of plain fields, each of its type."""
    what = kind.__name__.lower()
    hints = get_type_hints(kind)
    parts = _expect(what, given, set(hints))
    made: Record = kind(**{name: _value(f"{what} {name}", parts[name], hint) for name, hint in hints.items()})
    if isinstance(made, Ruleset):
        for name, number in zip(hints, (0, *made.integers().tolist()), strict=True):
            if not 0 <= number <= 1_000_000:
                raise ValueError(f"ruleset {name} is {number}; accepted: 0 to 1000000")
    return made


def _value(what: str, given: Any, kind: Any) -> Any:
    """A number, word, or tuple of numbers of the type that is asked for."""
    if kind is MoveOrder and type(given) is int and given in list(MoveOrder):
        return MoveOrder(given)
    if kind is float and type(given) is int and abs(given) < 2**53:
        return given  # as it was: sides of maps are whole numbers or halves
    if kind in (int, float, str, bool) and type(given) is kind and _is_small(given):
        return given
    parts = get_args(kind)
    if parts and isinstance(given, list):
        kinds = [parts[0]] * len(given) if parts[-1] is ... else list(parts)
        if len(kinds) == len(given) <= 64:
            return tuple(_value(what, part, each) for part, each in zip(given, kinds, strict=True))
    raise ValueError(f"{what} is {str(given)[:100]}; accepted: {getattr(kind, '__name__', kind)}")


def _is_small(given: Any) -> bool:
    """Whether a number is finite and fits in 63 bits, or a word is short."""
    if isinstance(given, float):
        return abs(given) < 1e9
    return len(given) <= 64 if isinstance(given, str) else abs(given) < 2**63
