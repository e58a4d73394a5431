"""The referee of tournaments with policies: published versions, loaded once, against each other, bots and the scout.

torch is loaded for the first match, not before: a server that starts again after a crash should answer at once.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from engine.bots import BOTS
from engine.bots.scout import SCOUT
from services.game_setup import BOT_PREFIX, GameSetup
from services.refusal import invalid
from services.tournament import Score
from store.errors import NotFoundError
from store.policies import Policies
from store.ratings import Player

if TYPE_CHECKING:
    from learner.network import Policy
    from learner.players import Player as Seated

POLICY_PREFIX = "policy:"
SCOUT_PLAYER = Player(BOT_PREFIX + SCOUT)
BOT_PLAYERS = (*(Player(BOT_PREFIX + name) for name in BOTS), SCOUT_PLAYER)
KEPT = 16  # policies in memory


class PolicyReferee:
    """Seats published policies ("policy:NAME" and a version), scripted bots and "bot:scout"."""

    def __init__(self, policies: Policies) -> None:
        self.policies = policies
        self._load = lru_cache(KEPT)(self._fetch)

    def check(self, player: Player) -> None:
        """Raise RefusedError for a player that it cannot seat."""
        if not player.name.startswith(POLICY_PREFIX):
            if player not in BOT_PLAYERS:
                known = ", ".join(bot.name for bot in BOT_PLAYERS)
                raise invalid("players", player.key, f"published versions of {POLICY_PREFIX}NAME, version 0 of {known}")
            return
        try:
            self.policies.get(player.name.removeprefix(POLICY_PREFIX), player.version)
        except NotFoundError as error:
            raise invalid("players", player.key, f"a published version ({error})") from None

    def play(self, one: Player, other: Player, setup: GameSetup, seed: int, pairs: int) -> Score:
        """Play mirrored pairs on maps drawn from the seed. Raises SnapshotError for a policy that is no sane one."""
        from learner.rating import Arena, play_match

        arena = Arena(setup.rules(), setup.spec(), seed)
        scores = play_match(self._seat(one, seed), self._seat(other, seed + 1), arena, pairs).scores
        wins, draws = int((scores == 1.0).sum()), int((scores == 0.5).sum())
        return Score(wins, draws, scores.size - wins - draws)

    def _seat(self, player: Player, seed: int) -> "Seated":
        from learner.players import BotPlayer, PolicyPlayer
        from learner.scout import load_scout
        from learner.scout_player import ScoutPlayer

        if player.name.startswith(POLICY_PREFIX):
            return PolicyPlayer(player.key, self._load(player), seed)
        if player == SCOUT_PLAYER:
            return ScoutPlayer(load_scout())
        return BotPlayer(player.name.removeprefix(BOT_PREFIX))

    def _fetch(self, player: Player) -> "Policy":
        from learner.published import from_published

        version = self.policies.get(player.name.removeprefix(POLICY_PREFIX), player.version)
        weights = self.policies.weights(version)
        return from_published(weights, version.about, f"{version.name} version {version.version}").eval()
