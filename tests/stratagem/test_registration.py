"""`import stratagem` registers the environments, whichever library is imported first."""

import subprocess
import sys

import pytest

LISTED = {
    "gymnasium": "'Generals-v0' in gymnasium.registry",
    "envpool": "'Generals-v0' in envpool.list_all_envs()",
}


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("library", ["gymnasium", "envpool"])
@pytest.mark.parametrize("first", ["stratagem", "library"])
def test_it_is_registered_in_either_order(library: str, first: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    imports = ["import stratagem", f"import {library}"]
    ordered = imports if first == "stratagem" else imports[::-1]
    assert printed("\n".join([*ordered, f"print({LISTED[library]})"])) == "True"


def test_without_stratagem_nothing_is_registered() -> None:
    assert printed(f"import gymnasium\nprint({LISTED['gymnasium']})") == "False"


def test_the_library_is_left_as_it_was() -> None:
    """Looking for the module does not use the registration up, and its own loader is back after the import."""
    code = """
import importlib.util, sys
import stratagem
importlib.util.find_spec("gymnasium")
import gymnasium
print('Generals-v0' in gymnasium.registry)
print(type(gymnasium.__spec__.loader).__name__, type(gymnasium.__loader__).__name__)
"""
    assert printed(code).split() == ["True", "SourceFileLoader", "SourceFileLoader"]
