"""The game behind `GeneralsEnv(transport="grpc")`: played on a game server, its experience sent to the replay service.

reset creates a game on the server and takes a seat, step submits an action and waits for the turn. Once a game is
over its record is fetched and goes to a replay table as fragments, see `actors.recorded`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from actors.recorded import fragments_of
from actors.reporter import Reporter
from engine.actions import as_codes
from engine.arrays import Bool, Float32, Int32
from engine.board import DRAW, OUT, RUNNING, VECTOR_SEAT
from engine.envs.forms import action_mask
from engine.envs.opponents import Opponent
from engine.envs.settings import EnvSettings
from engine.map_specs import MapSpec
from engine.observation import Observation
from engine.rewards import NO_SHAPING, Shaping
from engine.rulesets import RULESETS
from services.client import GameClient, ServiceError, Sight
from services.settings import PORTS, R2D2_TABLE
from services.stubs.common_pb2 import Board

SEEDS = 2**62


class RemoteArena:
    """One seat of one game on a server; the same methods as `engine.envs.arena.Arena` for the one game 0.

    Args:
        settings: as of the environment. The board is `MapSpec.plain(...)`, the ruleset one of `RULESETS` but for its
            limit of turns, terrain is remembered, and shaping weighs land and army alone: structures are not public.
        opponent: a bot's name, "open" for a seat that a person or another program takes, or one for each other seat.
        seat: the seat that is played.
        server: HOST:PORT of the game server.
        replay: HOST:PORT of the replay service; empty: experience goes nowhere.
        table: the replay table.
        name: as what this player is known to the ladder.

    Raises ValueError for what a server does not play, ServiceError where it does not answer.
    """

    joint = False
    lead = ()

    def __init__(
        self,
        settings: EnvSettings,
        opponent: Opponent | Sequence[Opponent] | None,
        seat: int,
        *,
        server: str = f"127.0.0.1:{PORTS['game']}",
        replay: str = "",
        table: str = R2D2_TABLE,
        name: str = "environment",
    ) -> None:
        self.settings, self.seat, self.name = settings, seat, name
        self.batch = settings.make_batch(1)  # for its sizes alone
        self.form = settings.make_form()
        if not 0 <= seat < self.batch.seats:
            raise ValueError(f"seat is {seat}; accepted: 0 to {self.batch.seats - 1}")
        self.shaping = self._checked_shaping()
        self._ruleset, self._limit, self._truncates = self._rules()
        self._board = self._plain_board()
        self._seats = self._companions(opponent)
        self.client = GameClient(server)
        self.reporter = Reporter(replay, table) if replay else None
        self.turn = np.zeros(1, np.int32)  # turns played
        self.winner = np.full(1, RUNNING, np.int32)
        self.invalid = np.zeros(1, np.int32)  # illegal actions of this seat in the episode
        self._seed: int | None = None
        self._episode = 0
        self._stream: Iterator[Sight] = iter(())
        self._running = False

    def set_opponent(self, opponent: Opponent | Sequence[Opponent]) -> None:
        """Let others play the other seats, from the next episode on."""
        self._seats = self._companions(opponent)

    def reset(self, seed: int | None, games: Bool | None = None) -> None:
        """Give up the game under way, if any, and begin another; the same seed gives the same maps."""
        self._leave()
        if seed is not None:
            self._seed, self._episode = seed, 0
        drawn = 0 if self._seed is None else 1 + (self._seed * 1_000_003 + self._episode) % (SEEDS - 1)
        self._episode += 1
        game = self.client.create(
            self._seats, ruleset=self._ruleset, board=self._board, seed=drawn, turn_limit=self._limit
        )
        self._place = self.client.join(game, self.name, seat=self.seat)
        self._stream = self._place.sights(since=0)
        self.invalid[0] = 0
        self._running = True
        self._await(0)
        self._phi = self._potential()

    def step(self, actions: Any, games: Int32 | None = None) -> tuple[Float32, Bool, Bool]:
        """Play a turn: the seat's action (1,) to reward, terminated and truncated, all (1,)."""
        code = int(as_codes(actions, (1,))[0])
        if not self._running:
            return np.zeros(1, np.float32), np.ones(1, np.bool_), np.zeros(1, np.bool_)
        legal = self.action_mask(self.observe())
        if not (0 <= code < len(legal) and legal[code]):
            self.invalid[0] += 1
            code = 0
        self._place.submit(code, int(self.turn[0]))
        going_on = self._await(int(self.turn[0]) + 1)
        reward, truncated = (0.0, False) if going_on else self._outcome()
        if truncated:
            self.winner[0] = RUNNING  # what the server calls a draw was cut short
        phi = self._potential() if going_on or truncated else 0.0
        reward += self.shaping.gamma * phi - self._phi
        self._phi = phi
        if self.sight.finished:
            self._tell()
        terminated = not going_on and not truncated
        return np.array([reward], np.float32), np.array([terminated]), np.array([truncated])

    def observe(self, games: Any = 0, seat: int | None = None, *, copy: bool = True) -> Observation:
        """What the seat sees."""
        return self.sight.observation

    def action_mask(self, observation: Observation) -> np.ndarray[Any, np.dtype[np.int8]]:
        """Legal actions by that observation, int8 (actions,)."""
        return action_mask(observation.mask, self.batch.castles)

    def close(self) -> None:
        """Give up the game under way, send what waits, hang up."""
        self._leave()
        if self.reporter is not None:
            self.reporter.stop()
        self.client.close()

    def _await(self, turn: int) -> bool:
        """Read on until there is a board of that turn or a later one, or the end; whether the seat plays on."""
        for sight in self._stream:
            if sight.shows and (sight.turn >= turn or sight.finished):
                self.sight = sight
                break
        else:
            raise RuntimeError(f"the server ended the stream of game {self._place.game_id} before turn {turn}")
        self.turn[0] = self.sight.turn
        self.winner[0] = self.sight.winner if self.sight.finished else RUNNING
        out = self.sight.of_seat(self.seat)[2] == OUT
        self._running = not self.sight.finished and not out
        return self._running

    def _outcome(self) -> tuple[float, bool]:
        """The reward of an episode's end without shaping, and whether it was cut short."""
        winner = int(self.winner[0])
        if winner == DRAW:
            return 0.0, self._truncates and int(self.turn[0]) >= self._limit
        return (1.0 if winner == self.seat else -1.0), False

    def _potential(self) -> float:
        """phi of `engine.rewards`, from what everybody knows."""
        vector = self.sight.vector
        land, army = (vector[at::VECTOR_SEAT].astype(np.float64) for at in (1, 2))
        shares = [own[0] / own.sum() if own.sum() else 0.0 for own in (land, army)]
        return float(self.shaping.land * shares[0] + self.shaping.army * shares[1])

    def _tell(self) -> None:
        """Send the finished game's experience."""
        if self.reporter is None:
            return
        record = self.client.replay(self._place.game_id)
        actor = f"{self.name}-{self._place.game_id}"
        record = replace(record, ruleset=self.batch.ruleset)  # whose limit of turns is not where episodes are cut
        limit = self._limit if self._truncates else 0
        for fragment in fragments_of(record, (self.seat,), actor, shaping=self.shaping, max_turns=limit):
            self.reporter.send(fragment)

    def _leave(self) -> None:
        """Surrender what is not over; a server that has gone in the meantime is no matter."""
        if self._running:
            self._running = False
            with suppress(ServiceError):
                self._place.surrender()

    def _checked_shaping(self) -> Shaping:
        given = self.settings.shaping
        shaping = NO_SHAPING if given is None else given if isinstance(given, Shaping) else Shaping(**given)
        if shaping.structures:
            raise ValueError(f"shaping's structures is {shaping.structures}; accepted over grpc: 0, none are public")
        if not self.settings.memory:
            raise ValueError("memory is False; accepted over grpc: True")
        return shaping

    def _rules(self) -> tuple[str, int, bool]:
        """Name, limit of turns, and whether reaching it cuts an episode short instead of ending the game."""
        rules = self.batch.ruleset
        known = RULESETS.get(rules.name)
        if known is None or known.vary(turn_limit=rules.turn_limit) != rules:
            raise ValueError(f'ruleset "{rules.name}" is not the server\'s; accepted over grpc: {", ".join(RULESETS)}')
        most = self.settings.max_turns
        cuts = bool(most) and (not rules.turn_limit or most < rules.turn_limit)
        return rules.name, most if cuts else rules.turn_limit, cuts

    def _plain_board(self) -> Board:
        spec = self.batch.map_spec
        mountains, cities = spec.mountains[0], spec.cities[0]
        plain = MapSpec.plain(spec.board_height, spec.board_width, name=spec.name, mountains=mountains, cities=cities)
        if plain != spec:
            raise ValueError(f'board "{spec.name}" is refused; accepted over grpc: MapSpec.plain(height, width, ...)')
        return Board(
            kind=Board.KIND_PLAIN,
            height=spec.board_height,
            width=spec.board_width,
            mountains=mountains,
            cities=cities,
        )

    def _companions(self, opponent: Opponent | Sequence[Opponent] | None) -> list[str]:
        """What CreateGame is told of the seats."""
        others = self.batch.seats - 1
        given = list(opponent) if isinstance(opponent, Sequence) and not isinstance(opponent, str) else None
        chosen: list[Any] = [opponent] * others if given is None else given
        if len(chosen) != others:
            raise ValueError(f"{len(chosen)} opponents are given; accepted: one, or one for each of {others} seats")
        for one in chosen:
            if not isinstance(one, str):
                raise ValueError(f'opponent {one!r} is refused; accepted over grpc: a bot\'s name, or "open"')
        seats = ["" if one == "open" else f"bot:{one}" for one in chosen]
        seats.insert(self.seat, "")
        return seats
