"""The fleet of `stratagem up`: which processes, how they find each other, and what there is to see of them."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from services.channels import open_channel, with_token
from services.settings import PORTS
from services.stubs import elo_pb2, elo_pb2_grpc, model_pb2, model_pb2_grpc, replay_pb2, replay_pb2_grpc
from store.connect import Connection, is_complete
from store.lake import Lake
from store.names import LOCAL_PORT, METRICS_PORT, Names
from store.ratings import Ratings
from stratagem.supervisor import Child, Fleet, listens

LINE_SECONDS = 10.0  # between two lines where there is no terminal
PLAY_SECONDS = 3600.0  # that the store may take to play a long journal
ORPHAN_SECONDS = 8.0  # that the store outlives a killed supervisor: the others write down how they end


@dataclass(frozen=True)
class Places:
    """Where the processes of a fleet answer on 127.0.0.1."""

    store: int = LOCAL_PORT
    server: int = PORTS["game"]  # games, policies, ratings and matchmaking in one process
    replay: int = PORTS["replay"]
    metrics: int = METRICS_PORT  # the first of the ports where Prometheus may ask, one a process; 0: none

    @property
    def names(self) -> Names:
        """The store's."""
        return Names.from_environment({"STRATAGEM_ENDPOINT": f"http://127.0.0.1:{self.store}"})


def fleet_of(
    name: str,
    actors: int,
    board: tuple[int, int],
    seed: int,
    data: Path,
    places: Places,
    publish_seconds: float = 10.0,
) -> Fleet:
    """The processes, in the order in which they need each other; `board` is height and width."""
    environment = {**os.environ, **places.names.environment()}
    server, replay = f"127.0.0.1:{places.server}", f"127.0.0.1:{places.replay}"

    def child(
        title: str, *arguments: str, ports: Sequence[int] = (), metrics: int | None = None, **others: Any
    ) -> Child:
        if places.metrics and metrics is not None:
            ports = (*ports, places.metrics + metrics)
            arguments += ("--metrics", f"127.0.0.1:{ports[-1]}")
        command = [sys.executable, "-m", "stratagem.cli", *arguments]
        return Child(title, command, data / "logs" / f"{title}.log", environment, ports=ports, **others)

    addresses = ("--server", server, "--replay", replay)
    return Fleet(
        [
            child(
                "store",
                *("store", "--data", str(data / "store"), "--port", str(places.store)),
                ports=[places.store],
                ready=lambda: listens(places.store) and is_complete(Connection(places.names)),
                start_seconds=PLAY_SECONDS,
                orphan_seconds=ORPHAN_SECONDS,
            ),
            child(
                "server",
                *("serve", "game", "model", "elo", "matchmaker", "--listen", server, "--data", str(data / "games")),
                ports=[places.server],
                metrics=0,
                ready=lambda: _serves(server),
            ),
            child(
                *("replay", "serve", "replay", "--listen", replay),
                ports=[places.replay],
                metrics=1,
                ready=lambda: _serves(replay),
            ),
            child(
                "learner",
                *("learn", "--name", name, "--board", "{}x{}".format(*board), "--seed", str(seed)),
                *("--data", str(data), "--publish-seconds", str(publish_seconds), *addresses),
                metrics=2,
            ),
            *(
                child(f"actor-{n}", "actor", "--name", f"actor-{n}", "--policy", name, *addresses, metrics=2 + n)
                for n in range(1, actors + 1)
            ),
        ]
    )


def _serves(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def census(names: Names) -> str:
    """Whether lake and ladder hold the same games, in a line; the lake is folded first."""
    connection = Connection(names)
    ratings, lake = Ratings(connection), Lake(connection)
    lake.fold()
    filed: dict[str, int] = {}
    rulesets = set()
    for row in lake.all_rows():
        filed[row.game_id] = filed.get(row.game_id, 0) + 1
        rulesets.add(row.ruleset)
    counted = {game for ruleset in rulesets for game in ratings.games(ruleset)}
    double = sum(times > 1 for times in filed.values())
    return (
        f"{len(filed):,} games in the lake, {double} of them double; {len(counted):,} counted by the ratings; "
        f"{len(counted - set(filed))} missing in the lake, {len(set(filed) - counted)} missing in the ratings"
    )


class FleetView:
    """What there is to see: processes, policies, ratings, experience."""

    def __init__(self, fleet: Fleet, name: str, places: Places) -> None:
        self.fleet, self.name = fleet, name
        self._server = with_token(open_channel(f"127.0.0.1:{places.server}"))
        self._replay = with_token(open_channel(f"127.0.0.1:{places.replay}"))
        self._before: tuple[float, int] | None = None
        self._rate = 0.0

    def watch(self, over: Callable[[], bool]) -> None:
        """Show it until it is over, and start again what dies."""
        console = Console(markup=False, emoji=False)  # players are named by whoever joins
        if not console.is_terminal:
            self._lines(over)
            return
        with Live(self._draw(), console=console, refresh_per_second=2) as live:
            while not over():
                self.fleet.watch()
                live.update(self._draw())
                time.sleep(1.0)

    def _lines(self, over: Callable[[], bool]) -> None:
        following = 0.0
        told = {child.name: "" for child in self.fleet.children}
        while not over():
            self.fleet.watch()
            for child in self.fleet.children:
                if child.trouble != told[child.name]:
                    told[child.name] = child.trouble
                    print(child.trouble or f"{child.name} is well again", flush=True)
            if time.monotonic() >= following:
                following = time.monotonic() + LINE_SECONDS
                print(self.line(), flush=True)
            time.sleep(0.5)

    def line(self) -> str:
        """All of it in one line."""
        policies, ratings, tables = self._ask()
        alive = sum(child.state == "running" for child in self.fleet.children)
        newest = policies[0].version if policies else 0
        best = f"{ratings[0].player.name} {ratings[0].elo:.0f}" if ratings else "nobody"
        stored = sum(t.transitions_inserted for t in tables)
        return (
            f"{alive}/{len(self.fleet.children)} processes; version {newest} of {self.name}; {stored:,} transitions "
            f"({self._rate:,.0f}/s); best: {best}; {sum(c.restarts for c in self.fleet.children)} restarts"
        )

    def _ask(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Policies, ratings and tables as the services tell them; empty where one does not answer."""
        models, elo = model_pb2_grpc.ModelServiceStub(self._server), elo_pb2_grpc.EloServiceStub(self._server)
        replay = replay_pb2_grpc.ReplayServiceStub(self._replay)
        policies = _try(
            lambda: models.ListPolicies(model_pb2.ListPoliciesRequest(name=self.name, limit=8), timeout=2.0).policies
        )
        ratings = _try(lambda: elo.GetRatings(elo_pb2.GetRatingsRequest(limit=8), timeout=2.0).ratings)
        tables = _try(lambda: replay.GetStats(replay_pb2.GetStatsRequest(), timeout=2.0).tables)
        now, total = time.monotonic(), sum(t.transitions_inserted for t in tables)
        if self._before is not None and now > self._before[0] and total >= self._before[1]:
            self._rate = (total - self._before[1]) / (now - self._before[0])
        self._before = (now, total)
        return policies, ratings, tables

    def _draw(self) -> Group:
        policies, ratings, tables = self._ask()
        processes = Table("process", "state", "restarts", "up", "log", title="processes", title_justify="left")
        for child in self.fleet.children:
            seconds = time.monotonic() - child.started if child.process else 0.0
            processes.add_row(child.name, child.state, str(child.restarts), f"{seconds:,.0f} s", str(child.log))
        ladder = Table("player", "version", "Elo", "games", title="ratings", title_justify="left")
        for rating in ratings:
            version = str(rating.player.version or "")
            ladder.add_row(rating.player.name, version, f"{rating.elo:,.0f}", f"{rating.games:,}")
        columns = ("table", "fragments", "transitions in", "out", "hunger")
        experience = Table(*columns, title="experience", title_justify="left")
        for table in tables:
            experience.add_row(
                table.table,
                f"{table.size:,}",
                f"{table.transitions_inserted:,}",
                f"{table.transitions_sampled:,}",
                f"{table.hunger:,.1f}",
            )
        versions = Table("policy", "version", "bytes", "aliases", title="policies", title_justify="left")
        for policy in policies:
            versions.add_row(policy.name, str(policy.version), f"{policy.size:,}", ", ".join(policy.aliases))
        troubles = [Text(child.trouble, style="red") for child in self.fleet.children if child.trouble]
        return Group(
            processes, *troubles, experience, versions, ladder, f"{self._rate:,.0f} transitions a second; Ctrl-C stops"
        )


def _try(ask: Callable[[], Any]) -> list[Any]:
    try:
        return list(ask())
    except grpc.RpcError:
        return []
