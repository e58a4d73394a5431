"""A first game nobody sees, before others wait for a player or for a server of games."""

from actors.bot_mind import Player
from actors.site_game import SiteGame, draw_layout
from engine.rulesets import RULESETS

TURNS = 2


def rehearse(player: Player | None) -> None:
    """Play some turns of a 1v1 game of the site, both seats the player's or, with None, nobody's, and tell of them.

    Kernels that are not compiled yet take a minute or two for it, in which a server would give up a client, and a
    client a server. Raises ValueError for who cannot play such games.
    """
    name = "nobody" if player is None else player.name
    minds = [None if player is None else player.mind(seed) for seed in range(2)]
    game = SiteGame("rehearsal", RULESETS["generalsio"], draw_layout(2, seed=0), (name, name), minds)
    for _ in range(TURNS):
        game.step()
        game.update(0)
