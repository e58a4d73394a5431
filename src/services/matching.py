"""Who waits for an opponent, and who is paired with whom: like ratings, and the longer the wait the less alike."""

import secrets
from dataclasses import dataclass, field

from store.ratings import Player

WINDOW = 50.0  # points of Elo that two who have just come may be apart
WIDENING = 25.0  # points more for each second that both have waited
DROPPED_S = 30.0  # a ticket that was not polled for so long is dropped


@dataclass(eq=False)
class Ticket:
    """A player who waits. Times are seconds of a clock that never goes back."""

    player: Player
    rating: float
    kind: bytes  # of game; only equal ones meet
    since: float
    request_id: str = ""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))  # whoever knows it gets the seat
    polled: float = 0.0
    paired: bool = False
    opponent: Player | None = None
    game_id: str = ""
    seat: int = -1
    seat_token: str = ""

    def __post_init__(self) -> None:
        self.polled = self.since

    def window(self, now: float) -> float:
        """How far an opponent's rating may be from this one's."""
        return WINDOW + WIDENING * (now - self.since)


class WaitingRoom:
    """All tickets."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self._requests: dict[str, str] = {}

    def __len__(self) -> int:
        return sum(not ticket.paired for ticket in self.tickets.values())

    def of_request(self, request_id: str) -> Ticket | None:
        """The ticket that a request was given."""
        known = self._requests.get(request_id)
        return None if known is None else self.tickets[known]

    def add(self, ticket: Ticket) -> Ticket:
        """Let a ticket wait; the one of before where its request id has one."""
        known = self.of_request(ticket.request_id)
        if known is not None:
            return known
        self.tickets[ticket.id] = ticket
        if ticket.request_id:
            self._requests[ticket.request_id] = ticket.id
        return ticket

    def poll(self, id: str, now: float) -> Ticket | None:
        """The ticket of an id, which thereby stays; None where it is unknown or was dropped."""
        self.drop_lost(now)
        ticket = self.tickets.get(id)
        if ticket is not None:
            ticket.polled = now
        return ticket

    def drop_lost(self, now: float) -> None:
        """Drop the tickets that nobody asks for any more."""
        for ticket in [t for t in self.tickets.values() if now - t.polled > DROPPED_S]:
            del self.tickets[ticket.id]
            self._requests.pop(ticket.request_id, None)

    def pair(self, now: float) -> list[tuple[Ticket, Ticket]]:
        """Pair who may meet, the longest waiting first, each with whom is most alike; they wait no more.

        Two may meet where their ratings lie within both their windows. Nobody meets themselves.
        """
        waiting = [t for t in self.tickets.values() if not t.paired]
        pairs = []
        for one in waiting:
            if one.paired:
                continue
            near = min(
                (t for t in waiting if t is not one and not t.paired and _may_meet(one, t, now)),
                key=lambda t: abs(t.rating - one.rating),
                default=None,
            )
            if near is not None:
                one.paired = near.paired = True
                pairs.append((one, near))
        return pairs


def _may_meet(one: Ticket, other: Ticket, now: float) -> bool:
    apart = abs(one.rating - other.rating)
    alike = one.kind == other.kind and one.player != other.player
    return alike and apart <= min(one.window(now), other.window(now))
