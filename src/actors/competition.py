"""A bot of the competition: reads its protocol from standard input, answers on standard output.

It plays on whatever comes: a policy that fails or answers too late gives way to a scripted bot, and that to a pass.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from actors.bot_mind import BotMind, Mind
from actors.competition_wire import Frames, Handshake, Lines, read_handshake
from actors.foreign_view import ForeignView
from engine.bots import BOTS
from engine.bots.scout import SCOUT
from engine.rulesets import RULESETS

MOVE, PASSING, BUILD = range(3)  # kinds of answer
LATE = 0.12  # seconds of one core a move may take: the competition allows 0.15
LATE_MOVES = 3  # so many late ones in a row, and the policy gives way
STAND_IN = "seeker"  # plays where the policy gives way, unless play.json names another,
LAST = "hunter"  # and this one where that gives way


def answer_of(action: int, height: int, width: int) -> str:
    """The line `kind row col direction split` of an action code on a board of height x width."""
    tiles = height * width
    if 0 < action <= 8 * tiles:
        tile, rest = divmod(action - 1, 8)
        kind, direction, half = MOVE, rest // 2, rest % 2
    elif 8 * tiles < action <= 9 * tiles:
        tile, kind, direction, half = action - 1 - 8 * tiles, BUILD, 0, 0
    else:
        return f"{PASSING} 0 0 0 0"
    row, column = divmod(tile, width)
    return f"{kind} {row} {column} {direction} {half}"


class Seat:
    """One seat of one game: a view of it and the minds that decide, the best first."""

    def __init__(self, handshake: Handshake, minds: list[Mind]) -> None:
        self._game, self._minds, self._late = handshake, minds, 0
        board = max(mind.board[0] for mind in minds), max(mind.board[1] for mind in minds)
        self.view = ForeignView(RULESETS["competition"], handshake.seat, 2, handshake.height, handshake.width, board)
        for mind in list(minds):
            try:
                mind.begin(self.view)
            except Exception as error:
                self._dismiss(mind, repr(error))

    def decide(self) -> str:
        """The answer to the turn that the view shows."""
        for mind in list(self._minds):
            begin = time.process_time()
            try:
                action = mind.decide(self.view)
            except Exception as error:
                self._dismiss(mind, repr(error))
                continue
            self._late = self._late + 1 if time.process_time() - begin > LATE else 0
            if self._late >= LATE_MOVES and len(self._minds) > 1:
                self._dismiss(mind, f"took more than {LATE} s for each of {LATE_MOVES} moves in a row")
            return answer_of(action, self.view.shape.height, self.view.shape.width)
        return answer_of(0, self.view.shape.height, self.view.shape.width)

    def _dismiss(self, mind: Mind, why: str) -> None:
        self._minds.remove(mind)
        self._late = 0
        print(f'"{mind.name}" gives way: {why}', file=sys.stderr)


def play(lines: Lines, output: int, minds: list[Mind]) -> None:
    """Play one game to the end of its input, or until nobody reads the answers."""
    try:
        handshake = read_handshake(lines)
        frames, seat = Frames(lines, handshake), Seat(handshake, minds)
        while True:
            seat.view.show(frames.next())
            os.write(output, f"{seat.decide()}\n".encode())
    except (EOFError, BrokenPipeError):
        return


def settings_in(folder: Path) -> dict[str, Any]:
    """What play.json says, or nothing."""
    try:
        settings = json.loads((folder / "play.json").read_text(encoding="utf-8"))
        if isinstance(settings, dict):
            return settings
        raise ValueError(f"{type(settings).__name__} instead of an object")
    except (OSError, ValueError) as error:
        print(f"play.json cannot be used: {error!r}", file=sys.stderr)
        return {}


def minds_in(folder: Path) -> list[Mind]:
    """The policy beside the program, if there is one and it can be read, then scripted bots."""
    minds: list[Mind] = []
    settings = settings_in(folder)
    if (folder / "policy.json").exists():
        try:
            import torch

            from actors.policy_mind import PolicyMind

            torch.set_num_threads(1)
            minds.append(PolicyMind.load(folder / "policy", time.time_ns() % (1 << 31), settings["temperature"]))
        except Exception as error:  # whatever is wrong with it: a game is played in any case
            print(f"the policy cannot be used: {error!r}", file=sys.stderr)
    chosen = settings.get("bot", STAND_IN)
    if chosen == SCOUT:
        try:
            import torch

            from actors.scout_mind import ScoutMind

            torch.set_num_threads(1)
            minds.append(ScoutMind.load(seed=time.time_ns() % (1 << 31)))
        except Exception as error:  # as above
            print(f"the scout cannot be used: {error!r}", file=sys.stderr)
    bots = dict.fromkeys((chosen if chosen in BOTS else STAND_IN, LAST))
    return [*minds, *(BotMind(name, seed=time.time_ns() % (1 << 31)) for name in bots)]


def main(folder: Path) -> None:
    """Play on this process's standard streams. What libraries print goes to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    play(Lines(0), output, minds_in(folder))
