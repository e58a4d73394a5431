"""Which services a server process runs, and what each of them stands on."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from services.elo_server import DEFAULT_LADDER, EloServicer
from services.game_hall import Hall
from services.game_log import GameLog
from services.game_maker import HallGames
from services.game_server import GameServicer
from services.keeper import keep
from services.logs import configure_logs
from services.matchmaker import EloLeague, MatchMakerServicer
from services.model_server import ModelServicer
from services.policy_referee import PolicyReferee
from services.pulse import tell
from services.replay_server import ReplayServicer, default_tables
from services.serving import running, stop_wanted
from services.settings import Settings
from services.sink import StoreSink
from store.connect import Connection, create_all
from store.lake import Lake
from store.names import Names
from store.policies import Policies
from store.ratings import Player, Ratings


async def run(chosen: Sequence[str], settings: Settings, names: Names, data: Path) -> None:
    """Run some of the services in this process until SIGTERM or SIGINT.

    `data` is the folder of the game server's log. Tables and buckets are made where the store is not AWS's. The
    matchmaker opens games in this process's own game server.
    """
    if "matchmaker" in chosen and "game" not in chosen:
        raise ValueError("services are " + ", ".join(chosen) + "; accepted: matchmaker together with game")
    configure_logs(settings.log_level)
    wanted = stop_wanted()
    connection = Connection(names)
    if names.endpoint:
        await asyncio.to_thread(create_all, connection)
    ratings, lake, policies = Ratings(connection), Lake(connection), Policies(connection)
    servicers: list[object] = []
    beside: list[asyncio.Task[None]] = []
    hall: Hall | None = None
    if "game" in chosen:
        hall = Hall(GameLog(data), StoreSink(ratings, lake))
        servicers.append(GameServicer(hall))
    if hall is not None and "matchmaker" in chosen:
        servicers.append(_matchmaker(hall, ratings, policies))
    if "replay" in chosen:
        servicers.append(ReplayServicer(default_tables(), settings.max_message))
        beside.append(asyncio.create_task(tell()))
    if "model" in chosen:
        servicers.append(ModelServicer(policies))
    if "elo" in chosen:
        servicers.append(EloServicer(ratings, lake))
        beside.append(asyncio.create_task(keep(ratings, lake)))
    if hall is not None:
        hall.start()
    try:
        async with running(servicers, settings):
            await wanted.wait()
            if hall is not None:
                await hall.stop()
    finally:
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _matchmaker(hall: Hall, ratings: Ratings, policies: Policies) -> MatchMakerServicer:
    """The matchmaker over the store, opening games in this process's own hall."""

    async def rate(player: Player, ladder: str) -> float:
        return (await asyncio.to_thread(ratings.get, ladder, player)).elo

    async def versions(name: str) -> list[int]:
        return await asyncio.to_thread(lambda: [version.version for version in policies.versions(name)])

    league = EloLeague(versions, rate, DEFAULT_LADDER)
    return MatchMakerServicer(HallGames(hall), rate, league, PolicyReferee(policies))
