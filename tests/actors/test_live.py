"""Clients against the local server on loopback: whole games, lost connections, floods and nonsense."""

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import socketio
from click.testing import CliRunner

from actors import live
from actors.bot_mind import BotMind, Player
from actors.live import LiveError, LivePlayer, Seat
from actors.players import bot_player, policy_player
from actors.rehearsal import TURNS, rehearse
from actors.socketio_server import Hosting, SiteServer
from engine.replay_files import read_replay
from stratagem.cli import main
from stratagem.policies import find_policy

HOSTING = Hosting(turn_seconds=0.002, resident_after=0.0, seed=3)
LIMIT = 120.0


def run(play, hosting=HOSTING):
    """Run `await play(server, url)` beside a server."""

    async def both():
        server = SiteServer(hosting)
        url = await server.start()
        try:
            return await asyncio.wait_for(play(server, url), LIMIT)
        finally:
            await server.stop()

    return asyncio.run(both())


def player(bot="hunter", user="a", watch=lambda view: None, **options):
    return LivePlayer(BotMind(bot), Seat(user, f"[Bot] {user}", moves_a_second=10_000.0, **options), watch)


def test_a_client_plays_a_whole_game_and_sees_what_the_engine_shows(tmp_path):
    seen = []
    one = player(watch=lambda view: seen.append((view.words, view.vector)))

    async def play(server, url):
        await one.play(url)
        return server

    hosting = Hosting(turn_seconds=0.002, resident=bot_player("random"), resident_after=0.0, seed=3, replays=tmp_path)
    server = run(play, hosting)
    (outcome,) = one.outcomes
    assert outcome.won
    assert outcome.moves > 50
    assert one.complaints == []
    (match,) = server.finished
    record = match.game.record()
    assert [int(vector[0]) for _, vector in seen] == list(range(record.turns + 1))
    for words, vector in seen:
        game = record.at(int(vector[0]))
        expected = game.observe(0)
        assert np.array_equal(words & 255, expected.flags)
        assert np.array_equal(words >> 8 & 255, expected.mask)
        assert np.array_equal(words >> 16, expected.army)
        assert np.array_equal(vector, expected.vector)
    kept = read_replay(tmp_path / f"{outcome.replay_id}.gior")
    assert kept.id == outcome.replay_id


@pytest.mark.parametrize("name", ["scout", "pupil"])
def test_what_needs_torch_sits_down_as_well(name):
    resident = bot_player(name) if name == "scout" else policy_player(find_policy(Path(name)))
    one = player("random")

    async def play(server, url):
        await one.play(url)
        return server.finished[0].game.names

    names = run(play, Hosting(turn_seconds=0.0, resident=resident, resident_after=0.0, seed=3))
    assert names == ("[Bot] a", f"[Bot] {name}")
    assert not one.outcomes[0].won


def test_two_clients_meet_in_a_private_room():
    one, other = player(user="a", queue="room"), player("expander", user="b", queue="room")

    async def play(server, url):
        first = asyncio.ensure_future(one.play(url))
        second = asyncio.ensure_future(other.play(url))
        await until(lambda: server.matches and server.matches[0].game.game.turn >= 40)
        await other.client.emit("surrender")
        await asyncio.gather(first, second)

    run(play, Hosting(turn_seconds=0.002, resident=None))
    assert (one.outcomes[0].won, other.outcomes[0].won) == (True, False)
    assert one.outcomes[0].replay_id == other.outcomes[0].replay_id


def test_a_lost_connection_goes_on_with_the_same_game():
    cut = asyncio.Event()

    def watch(view):
        if view.vector[0] >= 30:
            cut.set()

    told = []
    one = LivePlayer(BotMind("hunter"), Seat("a", "[Bot] a", moves_a_second=10_000.0), watch, told.append)

    async def play(server, url):
        playing = asyncio.ensure_future(one.play(url))
        await cut.wait()
        (match,) = server.matches
        lost = match.clients[0]
        await one.client.eio.ws.close()  # as a network that fails: nobody has said goodbye
        await playing
        return match, lost

    match, lost = run(play, Hosting(turn_seconds=0.01, resident=bot_player("random"), resident_after=0.0, seed=4))
    assert [outcome.replay_id for outcome in one.outcomes] == [match.game.id]
    assert one.outcomes[0].won
    assert match.clients[0] is not lost
    lost_line, back_line = told
    assert lost_line == "the connection is lost; trying for 60 seconds to have it again"
    assert back_line.startswith("the server is back after ")


def test_a_server_that_stays_away_is_given_up_and_what_was_played_is_known():
    told = []
    one = LivePlayer(BotMind("hunter"), Seat("a", "[Bot] a", moves_a_second=10_000.0), tell=told.append)

    async def play(server, url):
        playing = asyncio.ensure_future(one.play(url, games=100))
        while not one.outcomes:
            await asyncio.sleep(0.01)
        told.clear()  # what compiles as the first game is played may take long, so it is patient until here
        one.seat = replace(one.seat, patience=0.7)
        await server.stop()
        with pytest.raises(LiveError, match=r"was lost and has stayed away for 0\.7 seconds"):
            await playing

    run(play, Hosting(turn_seconds=0.002, resident=bot_player("random"), resident_after=0.0, seed=3))
    assert told == ["the connection is lost; trying for 0.7 seconds to have it again"]
    assert one.outcomes[0].won


def test_who_stays_away_is_given_up():
    gone = asyncio.Event()
    one = player(watch=lambda view: gone.set() if view.vector[0] >= 40 else None)

    async def play(server, url):
        playing = asyncio.ensure_future(one.play(url))
        await gone.wait()
        (match,) = server.matches
        playing.cancel()
        while not match.game.over:
            await asyncio.sleep(0.01)
        return match

    match = run(play, Hosting(turn_seconds=0.002, resident_after=0.0, rejoin_seconds=0.0))
    assert match.game.game.winner == 1
    assert match.game.record().result().ended == "surrender"


async def raw_client(url):
    """A client of which the test sends what it likes; its heard events are in `heard`."""
    client = socketio.AsyncClient()
    client.heard = []
    client.on("*", lambda event, *data: client.heard.append((event, data)))
    await client.connect(url, transports=["websocket"])
    return client


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


NONSENSE = [
    ("play", ()),
    ("join_1v1", (None, 3)),
    ("join_private", ("x" * 1000, "u")),
    ("join_private", ("1v1", "u")),
    ("join_team", ("t", "u")),
    ("set_username", (["a"], {})),
    ("set_force_start", ("room", "yes")),
    ("attack", ("a", "b")),
    ("attack", (1, 2, False, 0)),
    ("surrender", ()),
    ("undo_move", ({},)),
]


@pytest.mark.parametrize(("event", "data"), NONSENSE)
def test_nonsense_is_answered_and_kills_nothing(event, data):
    async def play(server, url):
        client = await raw_client(url)
        await client.emit("no_such_event", {"x": [1]})
        await client.emit("chat_message", ("room", "hello"))
        await client.emit(event, data)
        await until(lambda: client.heard)
        await client.emit("join_1v1", ("u", ""))
        await until(lambda: any(heard == "game_update" for heard, _ in client.heard))
        await client.disconnect()
        return client.heard

    heard = run(play)
    assert heard[0][0] == "gio_error"
    assert heard[0][1][0].startswith(event)


@pytest.mark.parametrize("packet", ['2["connect",{}]', '2["disconnect"]', '2["*"]', '2["*","x"]', "2[]", '2[["x"]]'])
def test_who_sends_what_is_the_librarys_own_is_disconnected_and_leaves_no_ghost(packet):
    async def play(server, url):
        unheard = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(url, transports=["websocket"])
        await client.emit("join_1v1", ("u", ""))
        await until(lambda: server._rooms)
        await client.eio.send(packet)
        await until(lambda: not client.connected)
        assert server._clients == server._rooms == {}
        other = await raw_client(url)
        await other.emit("join_1v1", ("v", ""))
        await until(lambda: other.heard)
        assert [(event, data[0]["numPlayers"]) for event, data in other.heard] == [("queue_update", 1)]
        await other.disconnect()
        assert unheard == []

    run(play, Hosting(resident=None))


def test_attacks_off_the_map_are_answered_in_a_game():
    async def play(server, url):
        client = await raw_client(url)
        await client.emit("join_1v1", ("u", ""))
        await until(lambda: server.matches)
        for arguments in [(-5, 2), (0, 1 << 40), (0, 10**6, True, 1), (0, 1, "half")]:
            await client.emit("attack", arguments)
        await until(lambda: sum(event == "gio_error" for event, _ in client.heard) == 4)
        await client.emit("surrender")
        await until(lambda: any(event == "game_over" for event, _ in client.heard))
        await client.disconnect()
        return [event for event, _ in client.heard]

    assert "game_lost" in run(play)


def test_a_flood_is_dropped_and_others_play_on():
    far = asyncio.Event()
    one = player(watch=lambda view: far.set() if view.vector[0] >= 4 else None)

    async def play(server, url):
        flood = await raw_client(url)
        playing = asyncio.ensure_future(one.play(url))
        for _ in range(1000):
            await flood.emit("clear_moves")
        await until(lambda: any("too many" in str(data) for _, data in flood.heard))
        await far.wait()
        playing.cancel()
        await flood.disconnect()
        return flood.heard

    heard = run(play, Hosting(turn_seconds=0.5, resident_after=0.0))
    assert sum("in no game" in str(data) for _, data in heard) < 1000
    assert one.complaints == []


def test_a_player_keeps_to_its_rate():
    one = LivePlayer(BotMind("hunter"), Seat("a", "[Bot] a", moves_a_second=1.0))

    async def play(server, url):
        await one.play(url)

    run(play)
    assert one.outcomes[0].moves <= 1 + one.outcomes[0].turns * 0.05


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(LiveError, match="cannot be reached"):
        asyncio.run(player().play("http://127.0.0.1:9"))


def test_a_server_that_refuses_is_quoted(monkeypatch):
    monkeypatch.setattr(live, "WAITS", (0.1, 0.1))

    async def play(server, url):
        await player(user="u" * 200).play(url)

    with pytest.raises(LiveError, match="the server refuses: set_username: user_id"):
        run(play)


def test_ctrl_c_stops_the_command_without_a_traceback():
    async def play(server, url):
        command = [sys.executable, "-m", "stratagem.cli", "live", "--url", url, "--user-id", "u", "--bot", "hunter"]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        while not server._clients:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    status, output = run(play, Hosting(resident=None, seed=3))
    assert status == 130
    assert "Traceback" not in output
    assert "stopped; games played: 0" in output


def test_a_move_that_came_too_late_for_its_game_ends_nothing():
    one = player()
    asyncio.run(one._deal("gio_error", "attack: you are in no game", more=True))
    assert one.complaints == ["attack: you are in no game"]


def test_who_is_refused_a_game_asks_again_and_at_last_gives_up(monkeypatch):
    monkeypatch.setattr(live, "WAITS", (0.0, 0.0))
    told = []
    one = LivePlayer(BotMind("hunter"), Seat("a", "[Bot] a"), tell=told.append)
    sent = []

    async def note(event, data):
        sent.append(event)

    one.client.emit = note

    async def refuse(*more):
        one._heard.extend(("gio_error", complaint) for complaint in more)
        await one._deal("gio_error", "You send too many events", more=True)

    asyncio.run(refuse("of the same refusal", "and so is this"))
    assert sent == ["set_username", "join_1v1"]
    assert told == ["the server refuses: You send too many events; joining again in 0 s"]
    assert not one._heard
    one._heard.append(("game_start", {}))
    asyncio.run(refuse())
    assert sent == ["set_username", "join_1v1"], "a game begins: there is nothing to ask for"
    with pytest.raises(LiveError, match="the server refuses: You send too many events"):
        asyncio.run(refuse())
    one._start({"usernames": ["[Bot] a", "b"], "replay_id": "r", "playerIndex": 0})
    one._outcome = None
    asyncio.run(refuse())
    assert one.complaints[1:3] == ["of the same refusal", "and so is this"]


async def refuse_to_listen(server, host, port):
    raise OSError(98, "Address already in use")


def test_who_plays_rehearses_before_anybody_waits():
    asked = []

    class Mind(BotMind):
        def decide(self, view):
            asked.append((self.seed, view.seat, int(view.vector[0])))
            return super().decide(view)

    rehearse(Player("hunter", lambda seed: Mind("hunter", seed)))
    assert asked == [(seat, seat, turn) for turn in range(TURNS) for seat in range(2)]
    result = CliRunner().invoke(main, ["live", "--url", "http://127.0.0.1:9", "--user-id", "u", "--bot", "hunter"])
    assert result.output.index("preparing the engine") < result.output.index("cannot be reached")


def test_a_server_without_a_bot_rehearses_its_games_as_well(monkeypatch):
    asked = []
    monkeypatch.setattr("actors.rehearsal.rehearse", asked.append)
    monkeypatch.setattr(SiteServer, "start", refuse_to_listen)
    result = CliRunner().invoke(main, ["serve", "--socketio", "--bot", "none"])
    assert result.exit_code == 2
    assert asked == [None]
    monkeypatch.undo()
    rehearse(None)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--bot", "hunter", "--policy", "x"], "either --policy PATH or --bot NAME"),
        ([], "either --policy PATH or --bot NAME"),
        (["--bot", "nobody"], 'bot "nobody" is unknown'),
        (["--bot", "hunter", "--name", "me"], 'names that begin with "[Bot]"'),
        (["--policy", "/nowhere/p"], "/nowhere/p.json"),
        (["--bot", "hunter", "--patience", "-1"], "-1"),
        (["--bot", "hunter"], "cannot be reached"),
    ],
)
def test_the_command_refuses_by_name(arguments, complaint):
    result = CliRunner().invoke(main, ["live", "--url", "http://127.0.0.1:9", "--user-id", "u", *arguments])
    assert result.exit_code == 2
    assert complaint in result.output
