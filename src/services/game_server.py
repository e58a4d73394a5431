"""GameService over gRPC: what `services.game_hall` does, as the protocol says it.

`python -m services.game_server FOLDER` serves games with their log in FOLDER and settings from the environment
(`services.settings`); finished games are kept for a while and go nowhere else.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from engine.warm import compile_kernels
from services.finished import Finished
from services.game_hall import SEAT_TOKEN_HEADER, Hall, Limits
from services.game_log import GameLog
from services.game_view import game_info, player_message
from services.logs import configure_logs
from services.refusal import invalid
from services.serving import running, stop_wanted
from services.settings import PORTS, Settings
from services.stubs import common_pb2, game_pb2, game_pb2_grpc

LIST_LIMIT, LIST_MOST = 100, 1000


class GameServicer(game_pb2_grpc.GameServiceServicer):
    """Answers for a hall."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall

    async def CreateGame(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Open a game."""
        return game_pb2.CreateGameResponse(game_id=self.hall.create(request).id)

    async def JoinGame(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take a seat, or come back to it."""
        game, seat, token = self.hall.join(request, seat_token(context))
        begun = game.state != game_pb2.GAME_STATE_OPEN
        return game_pb2.JoinGameResponse(
            game_id=game.id,
            seat=seat,
            seat_token=token,
            height=game.layout.height if begun else 0,
            width=game.layout.width if begun else 0,
            state=game.state,
            info=game_info(game),
        )

    async def SubmitAction(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Queue a seat's actions."""
        turn, queued, accepted = self.hall.submit(request, seat_token(context))
        return game_pb2.SubmitActionResponse(turn=turn, queued=queued, accepted=accepted)

    async def StreamGame(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """What a seat or a spectator may see, turn by turn."""
        async for message in self.hall.watch(request.game_id, seat_token(context), request.since_turn):
            yield message

    async def GetReplay(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The record of a finished game."""
        game, record = await self.hall.record(request.game_id)
        outcome = common_pb2.Outcome(
            game_id=game.id,
            players=[player_message(player) for player in game.players],
            winner=-1 if game.winner is None else game.winner,
            turns=game.turn,
            ruleset=game.setup.ruleset,
            finished_ms=game.finished_ms,
        )
        return game_pb2.GetReplayResponse(record=await asyncio.to_thread(record.to_bytes), outcome=outcome)

    async def ListGames(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Games, the newest first."""
        if not 0 <= request.limit <= LIST_MOST:
            raise invalid("limit", request.limit, f"0 to {LIST_MOST}")
        if request.state not in game_pb2.GameState.values():
            raise invalid("state", request.state, f"0 to {max(game_pb2.GameState.values())}")
        answer = game_pb2.ListGamesResponse()
        for table in reversed(self.hall.tables.values()):
            if len(answer.games) == (request.limit or LIST_LIMIT):
                break
            if request.state in (game_pb2.GAME_STATE_UNSPECIFIED, table.game.state):
                answer.games.append(game_info(table.game))
        return answer

    async def Surrender(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Give up."""
        return game_pb2.SurrenderResponse(turn=self.hall.surrender(request.game_id, seat_token(context)).turn)


def seat_token(context: Any) -> str | None:
    """The seat's token of a call, or None."""
    for key, value in context.invocation_metadata() or ():
        if key == SEAT_TOKEN_HEADER:
            return str(value)
    return None


def warm_up() -> None:
    """Have the engine's kernels compiled or loaded before the first game needs them: a second, or minutes once."""
    from services.game_setup import GameSetup
    from services.live_game import LiveGame

    compile_kernels()
    request = game_pb2.CreateGameRequest(seats=["bot:hunter", "bot:hunter"], turn_ms=1000, seed=1)
    game = LiveGame("warm-up", GameSetup.of(request), 0, 0)
    game.apply({"e": "begin"}, 0)
    game.apply(game.play(), 0)
    game.apply({"e": "gone", "seat": 0}, 0)
    game.record().to_bytes()


async def serve_games(
    folder: Path, settings: Settings, sink: Finished | None = None, limits: Limits | None = None
) -> None:
    """Serve games until SIGTERM or SIGINT; their log is in `folder`, finished ones go to `sink`."""
    configure_logs(settings.log_level)
    wanted = stop_wanted()
    await asyncio.to_thread(warm_up)
    hall = Hall(GameLog(folder), sink, limits)
    async with running([GameServicer(hall)], settings):
        hall.start()
        await wanted.wait()
        await hall.stop()


if __name__ == "__main__":
    asyncio.run(serve_games(Path(sys.argv[1]), Settings.from_environment(listen=f"127.0.0.1:{PORTS['game']}")))
