"""What tests of matches do again and again."""

from typing import Any

import numpy as np
from starlette.testclient import TestClient

from engine.record import Record
from store.matches import Match


def begin(api: TestClient, **wanted: Any) -> tuple[str, dict[str, str], dict[str, Any]]:
    """A new match: its id, the header of its seat, its first view."""
    body = {"players": ["human", "bot:random"], "board": "6x6", "pace": "turns", **wanted}
    answer = api.post("/v1/matches", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["match"], {"Authorization": f"Bearer {made['token']}"}, made["view"]


def board(view: dict[str, Any]) -> np.ndarray:
    """The looks and armies of a whole view, (2, T)."""
    cells = np.array(view["cells"]).reshape(-1, 3)
    assert view["whole"]
    assert cells[:, 0].tolist() == list(range(view["height"] * view["width"]))
    return cells[:, 1:].T.copy()


def general_of(view: dict[str, Any], seat: int) -> int:
    """The tile of a seat's general, as the view knows it."""
    looks = board(view)[0]
    return int(np.flatnonzero((looks >> 2 & 15 == 3) & (looks >> 6 == seat + 1))[0])


def equals_its_record(match: Match) -> bool:
    """Whether the row that a match keeps is the one that its log leads to."""
    record = match.record
    again = Record.ended(record.ruleset, record.layout, record.events, record.turns)
    return (
        again.turns == record.turns
        and again.winner == record.winner
        and np.array_equal(record.play().row, match.row)
        and again.result().invalid == 0
    )
