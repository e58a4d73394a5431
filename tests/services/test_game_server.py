"""Whole games over gRPC: stepped and by the clock, seats, reconnecting, spectators, surrender, AFK, records."""

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tests.services.game_server import local_server, small

from engine.bots import BOTS
from engine.record import Record
from services.client import GameClient, SeatClient, ServiceError, Sight
from services.game_view import DELAY
from services.local_games import LocalGames
from services.stubs import game_pb2

STEPPED: dict[str, Any] = {"board": small(), "turn_limit": 120}


def first_legal(sight: Sight, chance: np.random.Generator) -> int:
    legal = np.flatnonzero(sight.legal())
    return int(chance.choice(legal[1:] if len(legal) > 1 else legal))


def play(seats: list[SeatClient], turns: int = 10**6, seed: int = 0) -> list[list[Sight]]:
    """Play a stepped game by random moves from its present turn on; the sights of each seat."""
    chance = np.random.default_rng(seed)
    streams = [seat.sights() for seat in seats]
    seen: list[list[Sight]] = [[] for _ in seats]
    for _ in range(turns):
        sights = [next(stream) for stream in streams]
        for kept, sight in zip(seen, sights, strict=True):
            kept.append(sight)
        if sights[0].finished:
            break
        for seat, sight in zip(seats, sights, strict=True):
            out = sight.of_seat(sight.seat)[2] > 0  # the game goes on without a seat that is out
            assert seat.submit(first_legal(sight, chance), sight.turn).accepted or out
    return seen


def two_seats(client: GameClient, **fields: Any) -> list[SeatClient]:
    game = client.create(**{**STEPPED, **fields})
    return [client.join(game, name) for name in ("anna", "bert")]


def test_a_stepped_game_is_played_turn_by_turn_to_its_end(client: GameClient) -> None:
    seats = two_seats(client)
    seen = play(seats)
    for kept, seat in zip(seen, seats, strict=True):
        assert [sight.turn for sight in kept] == list(range(len(kept)))
        assert kept[-1].finished
        assert not any(sight.finished or sight.message.reward for sight in kept[:-1])
        assert kept[0].seat == seat.seat
    winner = seen[0][-1].winner
    rewards = [kept[-1].message.reward for kept in seen]
    assert rewards == ([0, 0] if winner < 0 else [1 if s == winner else -1 for s in (0, 1)])
    assert [player.name for player in seen[0][-1].message.players] == ["human:anna", "human:bert"]


def test_the_record_of_a_finished_game_plays_to_the_same_end(client: GameClient) -> None:
    seats = two_seats(client)
    last = play(seats, seed=3)[0][-1]
    record = client.replay(seats[0].game_id)
    assert isinstance(record, Record)
    assert (record.turns, -1 if record.winner is None else record.winner) == (last.turn, last.winner)
    assert record.id == seats[0].game_id
    end = record.play()
    np.testing.assert_array_equal(end.observe(0).flags, last.observation.flags)
    outcome = client.call("GetReplay", game_pb2.GetReplayRequest(game_id=record.id)).outcome
    assert (outcome.turns, outcome.winner, outcome.ruleset) == (last.turn, last.winner, "generalsio")
    assert outcome.finished_ms > 0


@pytest.mark.parametrize("bot", BOTS)
def test_a_bot_takes_a_seat(client: GameClient, bot: str) -> None:
    seat = client.join(client.create(["", f"bot:{bot}"], **STEPPED), "anna")
    (kept,) = play([seat])
    assert kept[-1].finished
    assert kept[-1].message.players[1].name == f"bot:{bot}"


@pytest.mark.parametrize("ruleset", ["classic", "competition"])
def test_every_ruleset_can_be_played(client: GameClient, ruleset: str) -> None:
    seats = two_seats(client, ruleset=ruleset)
    assert play(seats)[0][-1].finished


def test_teams_of_four_play_together(client: GameClient) -> None:
    game = client.create(["", "bot:hunter", "bot:expander", "bot:random"], teams=2, board=small(8, 8), turn_limit=300)
    (kept,) = play([client.join(game, "anna")])
    last = kept[-1]
    assert last.finished
    own = [0, 2]
    assert last.message.reward == (0 if last.winner < 0 else 1 if last.winner in own else -1)
    relation = kept[1].observation.relation
    assert {1} <= set(np.unique(relation).tolist()) <= {0, 1, 2, 3}


def test_games_of_bots_alone_run_by_the_clock_and_are_seen_live(client: GameClient) -> None:
    game = client.create(
        ["bot:hunter", "bot:expander"],
        board=small(),
        turn_ms=10,
        turn_limit=60,
        spectators=game_pb2.SPECTATORS_LIVE,
    )
    kept = [sight for sight in client.sights(game) if sight.shows]
    assert [sight.turn for sight in kept] == list(range(len(kept)))
    assert kept[-1].finished
    assert kept[-1].visible.all()
    assert kept[-1].of_seat(1)[0] == int((kept[-1].owners == 1).sum())


def test_queued_moves_are_played_one_a_turn_and_illegal_ones_skipped(client: GameClient, server: LocalGames) -> None:
    game = client.create(["", "bot:random"], board=small(), turn_ms=40, seed=5)
    seat = client.join(game, "anna")
    stream = seat.sights()
    sight = next(stream)
    home = int(np.flatnonzero(sight.observation.relation == 1)[0])
    directions = [d for d in range(4) if _inside(home, d, sight.shape) and _plain(sight, home, d)]
    there, back = 1 + (home * 4 + directions[0]) * 2, 1 + (_step(home, directions[0], 6) * 4 + (directions[0] ^ 1)) * 2
    answer = seat.submit([back, there, back], 3)  # the first is not legal, since that tile is not owned yet
    assert (answer.queued, answer.accepted) == (3, True)
    queued = [next(stream) for _ in range(12)]
    assert queued[-1].message.queued == 0
    seat.surrender()
    codes = client_actions(server, game)[:, 0]
    played = np.flatnonzero(codes)
    assert played[0] == max(3, answer.turn)
    assert codes[played[0]] == there


def _step(tile: int, direction: int, width: int) -> int:
    return tile + (-width, width, -1, 1)[direction]


def _inside(tile: int, direction: int, shape: tuple[int, int]) -> bool:
    row, column = divmod(tile, shape[1])
    return (row > 0, row < shape[0] - 1, column > 0, column < shape[1] - 1)[direction]


def _plain(sight: Sight, tile: int, direction: int) -> bool:
    return int(sight.kinds.flat[_step(tile, direction, sight.shape[1])]) == 0


def client_actions(server: LocalGames, game: str) -> np.ndarray:
    """All actions of a game so far, (turns, seats)."""

    def look(hall: Any) -> np.ndarray:
        live = hall.tables[game].game
        return np.array(live.actions, np.int32).reshape(-1, len(live.seats))

    return server.read(look)


def test_a_seat_is_held_by_its_token_alone(client: GameClient) -> None:
    seats = two_seats(client)
    play(seats, turns=5)
    again = client.rejoin(seats[0].game_id, seats[0].token)
    assert (again.seat, again.info.turn) == (0, 5)
    history = again.sights(since=0)
    assert [next(history).turn for _ in range(6)] == list(range(6))
    with pytest.raises(ServiceError) as refused:
        client.rejoin(seats[0].game_id, "x" * 43)
    assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(ServiceError) as full:
        client.join(seats[0].game_id, "carl")
    assert full.value.code == grpc.StatusCode.FAILED_PRECONDITION


def test_history_is_what_was_seen_then(client: GameClient) -> None:
    seats = two_seats(client)
    seen = play(seats, seed=7)[1]
    again = list(seats[1].sights(since=0))
    assert [sight.turn for sight in again] == [sight.turn for sight in seen]
    for one, other in zip(seen, again, strict=True):
        assert one.message.words == other.message.words
        assert one.message.vector == other.message.vector


def test_spectators_are_fifty_turns_late_until_the_end(client: GameClient) -> None:
    seats = two_seats(client)
    watching = client.sights(seats[0].game_id)
    assert not next(watching).shows
    play(seats, turns=DELAY + 5)  # the turn now is DELAY + 5, less the one that is not yet submitted
    shown = [next(watching).turn for _ in range(5)]
    assert shown == [0, 1, 2, 3, 4]
    seats[0].surrender()
    rest = list(watching)
    assert rest[-1].finished
    assert rest[-1].winner == 1
    assert rest[-1].turn == DELAY + 6
    assert all(sight.visible.all() for sight in rest)


def test_a_late_spectator_is_not_shown_more_than_an_early_one(client: GameClient) -> None:
    seats = two_seats(client)
    play(seats, turns=DELAY + 3)
    watching = client.sights(seats[0].game_id, since=-1)
    assert not next(watching).shows
    assert next(watching).turn == 3
    with pytest.raises(ServiceError):
        next(client.sights(seats[0].game_id, since=DELAY + 50))


def test_a_game_may_have_no_spectators(client: GameClient) -> None:
    seats = two_seats(client, spectators=game_pb2.SPECTATORS_NONE)
    with pytest.raises(ServiceError) as refused:
        next(client.sights(seats[0].game_id))
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION
    seats[1].surrender()
    assert list(client.sights(seats[0].game_id))[-1].finished


def test_surrender_ends_a_duel(client: GameClient) -> None:
    seats = two_seats(client)
    play(seats, turns=4)
    seats[0].surrender()
    last = list(seats[1].sights())[-1]
    assert (last.finished, last.winner, last.message.reward) == (True, 1, 1.0)
    seats[0].surrender()  # again: nothing more
    assert client.replay(seats[0].game_id).result().ended == "surrender"


def test_a_seat_that_was_given_back_may_be_given_back_again(tmp_path: Path) -> None:
    with local_server(tmp_path) as (_, client):
        anna = client.join(client.create(board=small()), "anna")
        anna.surrender()
        anna.surrender()  # again: nothing more
    with local_server(tmp_path) as (_, client):
        anna.client = client
        anna.surrender()
        for name in ("bert", "carl"):
            client.join(anna.game_id, name)
        anna.surrender()
        assert client.games()[0].state == game_pb2.GAME_STATE_RUNNING
        with pytest.raises(ServiceError) as refused:
            anna.submit(0)
        assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED


def test_land_of_who_surrendered_among_many_goes_after_fifty_turns(client: GameClient) -> None:
    game = client.create(["", "", "", ""], board=small(8, 8), seed=4)
    seats = [client.join(game, f"player {s}") for s in range(4)]
    play(seats, turns=6)
    seats[3].surrender()
    others = seats[:3]
    streams = [seat.sights() for seat in others]
    land = []
    for _ in range(52):
        sights = [next(stream) for stream in streams]
        land.append((sights[0].turn, *sights[0].of_seat(3)))
        for seat, sight in zip(others, sights, strict=True):
            seat.submit(0, sight.turn)
    gone = land[0][0]
    assert [status for turn, _, _, status in land if turn <= gone + 50] == [1] * 51
    assert all(tiles > 0 for turn, tiles, _, _ in land if turn <= gone + 50)
    assert land[-1][1:] == (0, 0, 2)


def test_who_never_moves_is_kicked_at_turn_71_of_a_duel(client: GameClient, server: LocalGames) -> None:
    seat = client.join(client.create(["", "bot:random"], board=small(10, 10), turn_ms=10, seed=2), "anna")
    last = list(seat.sights())[-1]
    assert last.finished
    record = client.replay(seat.game_id)
    gone = record.events[record.events[:, 2] == -2]
    if record.result().ended == "capture":  # random found the general before
        assert record.turns <= 71
    else:
        assert gone.tolist() == [[71, 0, -2]]
        assert record.result().ended == "afk"


def test_a_stepped_game_does_not_wait_for_ever(client: GameClient) -> None:
    seats = two_seats(client, idle_ms=100)
    last = list(seats[0].sights())[-1]
    assert last.finished
    assert last.turn <= 1


def test_a_game_that_nobody_can_step_plays_on(client: GameClient) -> None:
    game = client.create(["", "bot:hunter", "bot:hunter"], board=small(8, 8), turn_limit=150)
    seat = client.join(game, "anna")
    seat.surrender()
    last = list(seat.sights())[-1]
    assert last.finished
    assert last.turn > 1


def test_an_open_seat_can_be_given_back(client: GameClient) -> None:
    game = client.create(["", ""], board=small())
    seat = client.join(game, "anna")
    assert not next(seat.sights()).shows
    seat.surrender()
    with pytest.raises(ServiceError) as refused:
        client.rejoin(game, seat.token)
    assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    assert client.join(game, "bert", seat=0).seat == 0


def test_games_are_listed_the_newest_first(client: GameClient) -> None:
    first, second = client.create(["", ""]), client.create(["", ""])
    listed = client.games(game_pb2.GAME_STATE_OPEN, 2)
    assert [info.game_id for info in listed] == [second, first]
    assert [player.name for player in listed[0].players] == ["", ""]
    assert len(client.games(limit=1)) == 1
