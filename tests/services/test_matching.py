"""Who is paired with whom while tickets wait."""

from services.matching import DROPPED_S, Ticket, WaitingRoom
from store.ratings import Player


def ticket(name: str, rating: float, since: float = 0.0, kind: bytes = b"duel", request: str = "") -> Ticket:
    return Ticket(Player(f"human:{name}"), rating, kind, since, request)


def room_of(*tickets: Ticket) -> WaitingRoom:
    room = WaitingRoom()
    for one in tickets:
        room.add(one)
    return room


def names(pairs: list[tuple[Ticket, Ticket]]) -> list[set[str]]:
    return [{one.player.name[6:], other.player.name[6:]} for one, other in pairs]


def test_the_most_alike_meet() -> None:
    room = room_of(ticket("a", 1200), ticket("b", 1245), ticket("c", 1210), ticket("d", 1240))
    assert names(room.pair(0.0)) == [{"a", "c"}, {"b", "d"}]
    assert room.pair(0.0) == []
    assert len(room) == 0


def test_the_window_widens_while_both_wait() -> None:
    room = room_of(ticket("a", 1200), ticket("b", 1350, since=2.0))
    assert room.pair(2.0) == []
    assert room.pair(5.9) == []
    assert names(room.pair(6.0)) == [{"a", "b"}]


def test_the_longest_waiting_is_served_first() -> None:
    room = room_of(ticket("old", 1200), ticket("new", 1200, since=1), ticket("newer", 1200, since=2))
    assert names(room.pair(2.0)) == [{"old", "new"}]


def test_only_equal_games_meet_and_nobody_meets_themselves() -> None:
    room = room_of(ticket("a", 1200), ticket("a", 1200), ticket("b", 1200, kind=b"other"))
    assert room.pair(100.0) == []


def test_who_does_not_ask_is_dropped() -> None:
    kept, lost = ticket("a", 1200, request="r"), ticket("b", 1200, request="s")
    room = room_of(kept, lost)
    assert room.poll(kept.id, DROPPED_S) is kept
    assert room.poll(kept.id, DROPPED_S + 1) is kept
    assert room.poll(lost.id, DROPPED_S + 1) is None
    assert room.pair(DROPPED_S + 1) == []
    again = ticket("b", 1200, since=50, request="s")
    assert room.add(again) is again


def test_a_request_sent_again_waits_once() -> None:
    first = ticket("a", 1200, request="r")
    room = room_of(first)
    assert room.add(ticket("a", 1200, request="r")) is first
    assert len(room) == 1
