"""The exact, deterministic, fast engine of Generals.io games."""

from engine.batch import GameBatch
from engine.game import Game
from engine.layout import Layout
from engine.observation import Observation
from engine.rulesets import RULESETS, Ruleset

__all__ = ["RULESETS", "Game", "GameBatch", "Layout", "Observation", "Ruleset"]
