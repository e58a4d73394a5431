"""A first game nobody sees, before others wait for a player."""

from actors.bot_mind import Player
from actors.site_game import SiteGame, draw_layout
from engine.rulesets import RULESETS

TURNS = 2


def rehearse(player: Player) -> None:
    """Let a player play some turns against itself: kernels that are not compiled yet take a minute or two for it, in
    which a server would give up a client, and a client a server. Raises ValueError for who cannot play 1v1 on the site.
    """
    minds = [player.mind(seed) for seed in range(2)]
    game = SiteGame("rehearsal", RULESETS["generalsio"], draw_layout(2, seed=0), (player.name, player.name), minds)
    for _ in range(TURNS):
        game.step()
