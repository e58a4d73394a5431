"""What the server shows of a game: to a seat its own observation and nothing else, to spectators the board as it was.

This module alone turns boards into messages. A seat's are made of its observation words and its vector, which the
engine keeps for that seat (`engine/vision.py`); neither seed nor map nor another seat's words are read for it.
"""

from typing import Any

import numpy as np

from engine import Game
from engine.arrays import Int32
from engine.board import (
    ALLY,
    ARMY_LIMIT,
    ARMY_SHIFT,
    DISCOVERED,
    ENEMY,
    KIND_SHIFT,
    MASK_OWNER_SHIFT,
    MASK_SHIFT,
    MINE,
    RELATION_SHIFT,
    TEAM,
    UNOWNED,
    VISIBLE,
    Shape,
)
from engine.views import BoardView
from services.live_game import FINISHED, OPEN, LiveGame
from services.stubs import common_pb2, game_pb2
from store.ratings import Player

SPECTATOR = -1
DELAY = 50  # turns that spectators are behind


def player_message(player: Player | None) -> common_pb2.Player:
    """A player as messages have it; an open seat has no name."""
    return common_pb2.Player(name=player.name, version=player.version) if player else common_pb2.Player()


def game_info(game: LiveGame) -> game_pb2.GameInfo:
    """What everybody may know of a game."""
    return game_pb2.GameInfo(
        game_id=game.id,
        state=game.state,
        turn=game.turn,
        players=[player_message(player) for player in game.players],
        ruleset=game.setup.ruleset,
        turn_ms=game.setup.turn_ms,
        created_ms=game.created_ms,
        spectators=game.setup.spectators,
    )


class Eye:
    """One pair of eyes on a game: a seat's or a spectator's, with what it was shown last."""

    def __init__(self, game: LiveGame, seat: int) -> None:
        self.game, self.seat = game, seat
        self.shown = -1  # the turn shown last
        self.told_end = False
        self._introduced = False

    def waiting(self) -> Any:
        """A message without a board, for a game that shows none yet."""
        return self._finish_message(game_pb2.StreamGameResponse(turn=0))

    def of_board(self, board: BoardView, turn: int) -> Any:
        """The message of a board at a turn of the game."""
        height, width = board.army.shape
        if self.seat == SPECTATOR:
            words, vector = everything(board), board.vector[0]
        else:
            words, vector = board.view[self.seat], board.vector[self.seat]
        self.shown = turn
        message = game_pb2.StreamGameResponse(
            turn=turn,
            height=height,
            width=width,
            words=np.ascontiguousarray(words, "<i4").tobytes(),
            vector=vector.tolist(),
        )
        return self._finish_message(message)

    def _finish_message(self, message: Any) -> Any:
        game = self.game
        message.game_id, message.seat = game.id, self.seat
        at_end = game.state == FINISHED and self.shown == game.turn
        message.state = game_pb2.GAME_STATE_RUNNING if game.state == FINISHED and not at_end else game.state
        message.winner = game.winner if at_end and game.winner is not None else -1
        if at_end and self.seat != SPECTATOR and not self.told_end:
            message.reward = reward(game, self.seat)
        if self.seat != SPECTATOR:
            message.queued = len(game.seats[self.seat].queue)
        if at_end or not self._introduced:
            message.players.extend(player_message(player) for player in game.players)
        self._introduced = self._introduced or game.state != OPEN
        self.told_end = at_end
        return message


def reward(game: LiveGame, seat: int) -> float:
    """+1 for a win of the seat's team, -1 for a loss, 0 for a draw."""
    winner = game.winner
    if winner is None or winner < 0:
        return 0.0
    teams = game.game.teams
    return 1.0 if teams[seat] == teams[winner] else -1.0


def everything(board: BoardView) -> Int32:
    """The whole board as words (H, W), relations as seat 0's, owners in mask bits 4-7."""
    owner = board.owner.astype(np.int32)
    teams = board.seat[:, TEAM]
    relation = np.where(owner == 0, MINE, np.where(teams[owner] == teams[0], ALLY, ENEMY))
    relation[owner < 0] = UNOWNED
    flags = VISIBLE | DISCOVERED | (relation << RELATION_SHIFT) | (board.kind.astype(np.int32) << KIND_SHIFT)
    mask = np.maximum(owner, 0) << MASK_OWNER_SHIFT
    army = np.clip(board.army, -ARMY_LIMIT, ARMY_LIMIT).astype(np.int32)
    words: Int32 = (flags | (mask << MASK_SHIFT) | (army << ARMY_SHIFT)).astype(np.int32)
    return words


class Rerun:
    """A game played again from its beginning, to show turns that have gone by."""

    def __init__(self, game: LiveGame) -> None:
        self.source = game
        self._game: Game = game.fresh_game()
        layout = game.layout
        self.board = BoardView.of(
            self._game.row, Shape.of(self._game.ruleset, layout.seats, layout.height, layout.width)
        )
        self._gone = 0

    @property
    def turn(self) -> int:
        """The turn that the board is at."""
        return self._game.turn

    def to(self, turn: int) -> BoardView:
        """The board of a turn that is not before the one it is at, nor after the game's."""
        seats = len(self.source.seats)
        while self._game.turn < turn:
            at = self._game.turn
            self._give_up(at)
            self._game.step_actions(np.array(self.source.actions[at * seats : (at + 1) * seats], np.int32))
        if turn == self.source.turn:
            self._give_up(turn)
        return self.board

    def _give_up(self, turn: int) -> None:
        gone = self.source.surrenders
        while self._gone < len(gone) and gone[self._gone][0] <= turn:
            self._game.surrender(gone[self._gone][1])
            self._gone += 1
