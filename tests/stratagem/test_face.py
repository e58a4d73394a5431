"""`import stratagem`: light, and the engine's own names."""

import subprocess
import sys

import pytest

import engine
import stratagem


def loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded once `statement` has run."""
    printed = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(printed.stdout.split())


def test_import_loads_neither_compiler_nor_torch() -> None:
    assert not {"numba", "torch", "envpool", "pettingzoo", "matplotlib"} & loaded_after("import stratagem")


def test_a_name_loads_the_engine_when_asked_for() -> None:
    assert "engine.game" in loaded_after("from stratagem import Game")


@pytest.mark.parametrize("name", ["Game", "GameBatch", "RULESETS", "Ruleset"])
def test_names_are_the_engines_own(name: str) -> None:
    assert getattr(stratagem, name) is getattr(engine, name)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match='no attribute "Gmae"; it exports: RULESETS, Game, GameBatch, Ruleset'):
        stratagem.Gmae  # noqa: B018
