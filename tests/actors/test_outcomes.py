"""Outcomes are reported until they are acknowledged; one that is refused holds up no other."""

import threading
import time

import grpc
from tests.services.loopback import channel_to

from actors.outcomes import OutcomeReporter
from services.stubs import common_pb2, elo_pb2, elo_pb2_grpc


class League(elo_pb2_grpc.EloServiceServicer):
    """Takes outcomes as it is told to: all or none of a report, as the service does."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.bad = ""  # the game that is refused
        self.gone = threading.Event()

    async def ReportOutcome(self, request, context):  # noqa: N802
        games = [outcome.game_id for outcome in request.outcomes]
        if self.gone.is_set():
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        if self.bad in games:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{self.bad} is no game")
        self.taken += games
        return elo_pb2.ReportOutcomeResponse()


def waited(true) -> bool:
    deadline = time.monotonic() + 20.0
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(true())


def test_one_that_is_refused_holds_up_no_other():
    league = League()
    league.bad = "g3"
    league.gone.set()  # until all of them wait together
    with channel_to([league]) as channel:
        reporter = OutcomeReporter(channel)
        for number in range(6):
            reporter.put(common_pb2.Outcome(game_id=f"g{number}"))
        league.gone.clear()
        assert reporter.stop() == 0
    assert sorted(league.taken) == ["g0", "g1", "g2", "g4", "g5"]
    assert (reporter.reported, reporter.refused, reporter.unsent) == (5, 1, 0)


def test_what_is_on_its_way_counts_as_unsent():
    league = League()
    with channel_to([league]) as channel:
        reporter = OutcomeReporter(channel)
        reporter.put(common_pb2.Outcome(game_id="first"))
        assert waited(lambda: reporter.reported == 1)
        league.gone.set()
        for number in range(3):
            reporter.put(common_pb2.Outcome(game_id=f"g{number}"))
        assert reporter.stop(0.5) == reporter.unsent == 3
        league.gone.clear()
        assert waited(lambda: reporter.unsent == 0)
    assert league.taken == ["first", "g0", "g1", "g2"]
