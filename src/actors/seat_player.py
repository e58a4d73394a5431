"""A mind that plays a seat of a game server."""

from actors.bot_mind import Mind
from actors.foreign_view import ForeignView
from engine.rulesets import RULESETS
from services.client import SeatClient


def play_seat(seat: SeatClient, mind: Mind) -> None:
    """Play to the game's end, each turn as it is shown.

    Raises ServiceError where the server refuses or is gone, ValueError where the mind does not play such games.
    """
    view = None
    for sight in seat.sights():
        if sight.finished:
            return
        if not sight.shows:
            continue
        if view is None:
            ruleset = RULESETS[seat.info.ruleset]
            view = ForeignView(ruleset, sight.seat, sight.seats, *sight.shape, mind.board)
            mind.begin(view)
        view.copy(sight.words, sight.vector)
        seat.submit(view.on_map(mind.decide(view)), sight.turn, clear=True)  # by the clock, one that is late gives way
