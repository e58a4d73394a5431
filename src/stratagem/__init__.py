"""Train, rank and play Generals.io agents.

`from stratagem import Game, GameBatch, RULESETS, Ruleset` is the engine's own; each is loaded when first asked for, so
that `import stratagem` stays light. It also registers `Generals-v0` with Gymnasium and EnvPool.
"""

from typing import TYPE_CHECKING, Any

from stratagem.registration import register_all

if TYPE_CHECKING:
    from engine import RULESETS, Game, GameBatch, Ruleset

__version__ = "0.1.0"

__all__ = ["RULESETS", "Game", "GameBatch", "Ruleset", "__version__"]


def __getattr__(name: str) -> Any:
    """Load a name of `__all__` from the engine (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f'module "stratagem" has no attribute "{name}"; it exports: {", ".join(__all__)}')
    import engine

    return getattr(engine, name)


def __dir__() -> list[str]:
    """Names a reader may use, loaded or not."""
    return sorted(__all__)


register_all()
