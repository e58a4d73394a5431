"""`stratagem play`: a game in the terminal, on a server or on one inside this process."""

import getpass
import queue
import re
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live

from actors.bot_mind import Player
from actors.players import bot_player, policy_player
from actors.seat_player import play_seat
from engine.actions import move_code
from engine.bots import BOTS
from engine.bots.scout import PLAYERS
from services.client import GameClient, SeatClient, ServiceError, Sight
from services.settings import Settings
from services.stubs.common_pb2 import Board
from stratagem.cli.demo import BoardSize
from stratagem.cli.moves import KEYS, step, typed_move
from stratagem.cli.policy_path import PolicyPath
from stratagem.cli.screen import ARROWS, ending, picture, player_names, raw_keys, read_keys

KEY_HELP = "arrows look, w a s d move, z sends half, space passes, c clears the queue, q ends"
REFRESH_S = 0.05  # between looks at the keyboard and at the game
LEAVING_S = 2.0  # that an opponent of this process may think on once the game is left


@click.command()
@click.option("--server", metavar="HOST:PORT", help="Of a game server; without it one is started for this game.")
@click.option("--bot", type=click.Choice(PLAYERS), default="hunter", show_default=True, help="Play against it.")
@click.option("--policy", type=PolicyPath(), help="Or against a policy: its files' name, or one in the box: pupil.")
@click.option("--wait", is_flag=True, help="Play against whoever joins.")
@click.option("--join", "game_id", metavar="GAME", help="Join a game that waits.")
@click.option("--size", type=BoardSize(), metavar="HxW", help="Of the board; the site's maps where it is not given.")
@click.option("--turn-ms", type=click.IntRange(0, 60_000), default=0, help="Play by the clock; 0: turn by turn.")
@click.option("--name", default="", help="Your own.")
def play(
    server: str | None,
    bot: str,
    policy: Path | None,
    wait: bool,
    game_id: str | None,
    size: tuple[int, int] | None,
    turn_ms: int,
    name: str,
) -> None:
    """Play in the terminal, against a bot or a person.

    With keys where there is a terminal: arrows choose a tile, w a s d move its army. Else moves are typed, a line each.
    """
    if wait and server is None:
        raise click.UsageError("--wait needs --server: nobody could join a game of this process alone")
    console = Console(markup=False, emoji=False)  # names and moves are what people type
    guest = None if wait or game_id else _guest(bot, policy)
    try:
        with ExitStack() as stack:
            address = server or stack.enter_context(_own_server(console))
            settings = None if server else Settings()  # its own server asks for no token and has no TLS
            client = stack.enter_context(GameClient(address, settings))
            opponent = "" if wait or guest else f"bot:{bot}"
            seat = client.join(game_id or _open(client, opponent, size, turn_ms), _player_name(name))
            if guest is not None:
                stack.enter_context(_seated(guest, address, settings, seat.game_id))
            console.print(f"game {seat.game_id}, seat {seat.seat}", highlight=False)
            if wait:
                console.print(f"to join: stratagem play --server {address} --join {seat.game_id}", highlight=False)
            if sys.stdin.isatty():
                _play_keys(console, seat)
            else:
                _play_typed(console, seat)
    except ServiceError as error:
        raise click.ClickException(str(error)) from None


def _player_name(given: str) -> str:
    return given or re.sub(r"[^A-Za-z0-9._-]", "", getpass.getuser())[:32] or "anybody"


def _guest(bot: str, policy: Path | None) -> Player | None:
    """An opponent that no server has, and who plays from this process."""
    if policy is None and bot in BOTS:
        return None
    try:
        return bot_player(bot) if policy is None else policy_player(policy)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _seated(guest: Player, address: str, settings: Settings | None, game_id: str) -> Iterator[None]:
    """Let the guest play a seat of a game meanwhile."""
    leaving = threading.Event()

    def play(taken: SeatClient) -> None:
        try:
            play_seat(taken, guest.mind(0))
        except ServiceError:  # the game or its server is gone
            return
        except ValueError as error:
            if not leaving.is_set():  # else its connection was closed while it thought
                click.echo(f"{guest.name} gives up: {error}", err=True)
                taken.surrender()

    with GameClient(address, settings) as client:
        thread = threading.Thread(target=play, args=[client.join(game_id, f"policy:{guest.name}")], daemon=True)
        thread.start()
        try:
            yield
        finally:
            leaving.set()
    thread.join(LEAVING_S)


def _open(client: GameClient, opponent: str, size: tuple[int, int] | None, turn_ms: int) -> str:
    board = None
    if size is not None:
        tiles = size[0] * size[1]
        board = Board(kind=Board.KIND_PLAIN, height=size[0], width=size[1], mountains=0.15, cities=min(8, tiles // 40))
    return client.create(["", opponent], board=board, turn_ms=turn_ms, idle_ms=86_400_000)


@contextmanager
def _own_server(console: Console) -> Iterator[str]:
    """A game server in this process, for as long as the game lasts."""
    from services.game_server import warm_up
    from services.local_games import LocalGames
    from services.logs import configure_logs

    configure_logs("error")
    with console.status("preparing the engine; its first run compiles it, for some minutes"):
        warm_up()
    with tempfile.TemporaryDirectory(prefix="stratagem-") as folder:
        games = LocalGames(Path(folder))
        try:
            yield games.address
        finally:
            games.stop()


def _play_typed(console: Console, seat: SeatClient) -> None:
    """Draw each turn and read a line for it; the end of input gives up."""
    names: tuple[str, ...] = ()
    for sight in seat.sights():
        names = player_names(sight, names)
        if not sight.shows:
            console.print("waiting for an opponent")
            continue
        console.print(picture(console, sight, names))
        if sight.finished:
            console.print(ending(sight), highlight=False)
            return
        action = _typed_action(console, sight)
        if action is None:
            seat.surrender()
        else:
            seat.submit(action, sight.turn)


def _typed_action(console: Console, sight: Sight) -> int | None:
    """An action code from standard input; None: the player gives up."""
    while True:
        line = sys.stdin.readline()
        if not line or line.strip().lower() in ("q", "quit"):
            return None
        try:
            return typed_move(line, *sight.shape)
        except ValueError as error:
            console.print(str(error), highlight=False)


def _play_keys(console: Console, seat: SeatClient) -> None:
    """Draw the game in place and act on keys as they come."""
    sights: queue.Queue[Sight | ServiceError] = queue.Queue()
    threading.Thread(target=_receive, args=(seat, sights), daemon=True).start()
    hand = _Hand(seat)
    keys: deque[str] = deque()
    drawn: tuple[object, ...] = ()  # what is on the screen
    with raw_keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        while not hand.over:
            try:
                keys.extend(read_keys(REFRESH_S))
            except EOFError:
                keys.append("q")
            while not sights.empty():
                got = sights.get()
                if isinstance(got, ServiceError):
                    raise got
                hand.look(got)
            while keys and (hand.ready or "q" in keys):
                hand.press(keys.popleft())
            now = (hand.sight, hand.cursor, hand.note, console.size)
            if now == drawn:
                continue
            drawn = now
            if hand.sight is not None and hand.sight.shows:
                live.update(picture(console, hand.sight, hand.names, hand.note, hand.cursor), refresh=True)
            else:
                live.update("waiting for an opponent; q ends", refresh=True)
    if hand.sight is not None and hand.sight.shows:
        console.print(picture(console, hand.sight, hand.names))
    console.print(ending(hand.sight) if hand.sight is not None and hand.sight.finished else "given up", highlight=False)


def _receive(seat: SeatClient, sights: "queue.Queue[Sight | ServiceError]") -> None:
    try:
        for sight in seat.sights():
            sights.put(sight)
    except ServiceError as error:
        sights.put(error)


class _Hand:
    """A player at the keys."""

    def __init__(self, seat: SeatClient) -> None:
        self.seat = seat
        self.sight: Sight | None = None
        self.names: tuple[str, ...] = ()
        self.cursor = -1
        self.half = False
        self.over = False
        self._acted = -1  # the turn of a stepped game that was answered last

    @property
    def ready(self) -> bool:
        """Whether a key would be acted on: in a stepped game not while a move is answered."""
        return self.sight is None or bool(self.seat.info.turn_ms) or self.sight.turn > self._acted

    @property
    def note(self) -> str:
        """The line under the board."""
        queued = f"   {self.sight.message.queued} queued" if self.sight and self.sight.message.queued else ""
        return f"{KEY_HELP}{queued}{'   [half]' if self.half else ''}"

    def look(self, sight: Sight) -> None:
        """See the game as it is now."""
        self.names = player_names(sight, self.names)
        self.sight = sight
        self.over = self.over or sight.finished
        if sight.shows and self.cursor < 0:
            home = sight.observation.relation.reshape(-1) == 1
            self.cursor = int(home.argmax())

    def press(self, key: str) -> None:
        """Act on a key."""
        if key == "q":
            self.seat.surrender()
            self.over = True
        if self.sight is None or not self.sight.shows or self.over:
            return
        height, width = self.sight.shape
        if key in ARROWS:
            self.cursor = step(self.cursor, ARROWS[key], height, width)
        elif key in KEYS:
            there = step(self.cursor, KEYS[key], height, width)
            if there != self.cursor:
                self._act(move_code(self.cursor, KEYS[key], self.half))
                self.cursor, self.half = there, False
        elif key == "z":
            self.half = not self.half
        elif key == " ":
            self._act(0)
        elif key == "c" and self.seat.info.turn_ms:
            self.seat.submit([], clear=True)

    def _act(self, action: int) -> None:
        assert self.sight is not None
        if self.seat.info.turn_ms:
            self.seat.submit(action)
        elif self.sight.turn > self._acted:
            self._acted = self.sight.turn
            self.seat.submit(action, self.sight.turn)
