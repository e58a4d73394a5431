"""Scripted opponents as kernels: thousands of them play in a batch."""

from engine.bots.dispatch import bot_actions, choose, choose_in_game, scratch_words
from engine.bots.expander import EXPANDER
from engine.bots.hunter import HUNTER, SEEKER, TRACKER
from engine.bots.random import RANDOM
from engine.bots.strategist import STRATEGIST

BOTS = {
    "random": RANDOM,
    "expander": EXPANDER,
    "hunter": HUNTER,
    "tracker": TRACKER,
    "seeker": SEEKER,
    "strategist": STRATEGIST,
}
HUNTERS = ("hunter", "tracker", "seeker", "strategist")  # those that tell which moves they like as well

__all__ = ["BOTS", "HUNTERS", "bot_actions", "choose", "choose_in_game", "find_bot", "scratch_words"]


def find_bot(name: str) -> int:
    """The code of a bot. Raises ValueError for an unknown name."""
    if name not in BOTS:
        raise ValueError(f'bot "{name}" is unknown; known: {", ".join(BOTS)}')
    return BOTS[name]
