"""No message to a seat holds what the seat may not see: everything in it follows from what the engine lets it observe.

Two games that differ only in what a seat cannot see must look the same to it, byte by byte.
"""

from typing import Any

import numpy as np
import pytest
from tests.services.game_server import small

from engine import Game
from engine.actions import expand_mask
from engine.observation import Observation
from services.client import Sight
from services.game_setup import GameSetup
from services.game_view import DELAY, Eye, everything
from services.live_game import LiveGame
from services.stubs import game_pb2
from store.ratings import Player

KNOWN = {
    "game_id", "turn", "height", "width", "words", "vector", "seat", "state", "winner", "reward", "queued", "players",
}  # fmt: skip


def begun(seats: int = 2, seed: int = 3, **fields: Any) -> LiveGame:
    request = game_pb2.CreateGameRequest(seats=[""] * seats, board=small(8, 8), seed=seed, **fields)
    game = LiveGame("g", GameSetup.of(request), 0, 0)
    for s in range(seats):
        for event in game.join(s, Player(f"human:{s}"), f"token {s}"):
            game.apply(event, 0)
    return game


def legal_codes(game: LiveGame, s: int) -> list[int]:
    mask = game.game.observe(s).mask & 15
    return [int(code) for code in np.flatnonzero(expand_mask(mask.reshape(-1), False))]


def submit(game: LiveGame, s: int, code: int) -> None:
    for event in game.submit(s, game_pb2.SubmitActionRequest(turn=game.turn, actions=[code]))[0]:
        game.apply(event, 0)


def play_random(game: LiveGame, turns: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    for _ in range(turns):
        for s in range(len(game.seats)):
            if game.playing(s):
                submit(game, s, int(chance.choice(legal_codes(game, s))))
        game.apply(game.play(), 0)


def words_of(seen: Observation, seats: int) -> np.ndarray:
    """A seat's words made from its `Observation` and nothing else."""
    mask = seen.mask.astype(np.int32)
    if seats > 2:
        assert seen.owner is not None
        mask |= np.maximum(seen.owner.astype(np.int32) - 1, 0) << 4
    return seen.flags.astype(np.int32) | mask << 8 | seen.army.astype(np.int32) << 16


@pytest.mark.parametrize(("seats", "teams"), [(2, 0), (3, 0), (4, 2)])
def test_a_message_holds_the_observation_and_no_more(seats: int, teams: int) -> None:
    game = begun(seats, teams=teams)
    eyes = [Eye(game, s) for s in range(seats)]
    for _ in range(20):
        play_random(game, 4, game.turn)
        for s, eye in enumerate(eyes):
            message = eye.of_board(game.view, game.turn)
            seen = game.game.observe(s)
            assert {field.name for field, _ in message.ListFields()} <= KNOWN
            assert set(message.DESCRIPTOR.fields_by_name) == KNOWN
            np.testing.assert_array_equal(np.frombuffer(message.words, "<i4").reshape(8, 8), words_of(seen, seats))
            assert list(message.vector) == seen.vector.tolist()
            back = Sight(message).observation
            for name in ("flags", "army", "mask", "vector"):
                np.testing.assert_array_equal(getattr(back, name), getattr(seen, name))
            fog = ~seen.visible
            assert not np.frombuffer(message.words, "<i4").reshape(8, 8)[fog].astype(np.int64).__rshift__(8).any()


def test_what_others_do_in_the_fog_changes_no_byte() -> None:
    """Seat 1 goes this way in one game and that way in the other, and lets different moves wait."""
    games = begun(), begun()
    for game in games:
        play_random(game, 4, 0)
    plain = [code for code in legal_codes(games[0], 1)[1:] if (code - 1) % 2 == 0]
    assert len(plain) >= 2
    messages = []
    for game, way in zip(games, (plain[0], plain[-1]), strict=True):
        submit(game, 1, way)
        waiting = Eye(game, 0).of_board(game.view, game.turn).SerializeToString()
        submit(game, 0, 0)
        game.apply(game.play(), 0)
        assert not (game.game.observe(0).relation == 3).any()  # or this would be no fog
        messages.append((waiting, Eye(game, 0).of_board(game.view, game.turn).SerializeToString()))
    assert (games[0].game.owners != games[1].game.owners).any()
    assert messages[0] == messages[1]


def test_the_seed_is_in_no_answer() -> None:
    game = begun(seed=2**61 + 12345)
    play_random(game, 5, 0)
    needle = str(game.setup.seed)
    for eye in (Eye(game, 0), Eye(game, 1), Eye(game, -1)):
        message = eye.of_board(game.view, game.turn)
        assert needle not in str(message)


def test_a_spectator_sees_owners_armies_and_kinds() -> None:
    game = begun(4, teams=2)
    play_random(game, DELAY, 1)
    sight = Sight(Eye(game, -1).of_board(game.view, game.turn))
    np.testing.assert_array_equal(sight.owners, np.maximum(game.game.owners, -1))
    np.testing.assert_array_equal(sight.armies, game.game.armies)
    np.testing.assert_array_equal(sight.kinds, game.game.kinds)
    for s in range(4):
        assert sight.of_seat(s) == (game.game.land[s], game.game.totals[s], game.game.status[s])


def test_a_seat_reads_owners_from_its_words() -> None:
    game = begun(4)
    play_random(game, 80, 2)
    for s in range(4):
        sight = Sight(Eye(game, s).of_board(game.view, game.turn))
        seen = sight.visible
        np.testing.assert_array_equal(sight.owners[seen], np.maximum(game.game.owners, -1)[seen])
        assert (sight.owners[~seen] == -1).all()
        assert [sight.of_seat(k)[0] for k in range(4)] == game.game.land


def test_everything_is_the_board_of_a_lone_game() -> None:
    tiles = np.array([[1, 0, -2], [0, 45, 0], [-2, 0, 2]])
    game = Game.from_tiles("generalsio", tiles)
    from engine.board import Shape
    from engine.views import BoardView

    words = everything(BoardView.of(game.row, Shape.of(game.ruleset, 2, 3, 3)))
    assert (words & 255).tolist() == [
        [1 | 1 << 1 | 3 << 3 | 128, 129, 1 | 1 << 3 | 128],
        [129, 1 | 2 << 3 | 128, 129],
        [1 | 1 << 3 | 128, 129, 1 | 3 << 1 | 3 << 3 | 128],
    ]
    assert (words >> 16).tolist() == [[1, 0, 0], [0, 45, 0], [0, 0, 1]]
