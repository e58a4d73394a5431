"""A change of any rule, wherever it stands, must never run yesterday's compiled code."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from engine.kernel_cache import KEPT, kernel_cache


def package(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_change_in_what_a_kernel_imports_moves_the_cache(tmp_path: Path) -> None:
    rules = "from engine.compile import kernel\nfrom engine.tiles import CITY\n"
    before = kernel_cache(package(tmp_path, rules=rules, tiles="CITY = 3\n"))
    after = kernel_cache(package(tmp_path, tiles="CITY = 4\n"))
    assert before != after
    assert kernel_cache(package(tmp_path, tiles="CITY = 3\n")) == before


def test_a_change_in_a_folder_below_moves_the_cache(tmp_path: Path) -> None:
    (tmp_path / "bots").mkdir()
    package(tmp_path, rules="from engine.compile import kernel\nfrom engine.bots.random import HALF\n")
    before = kernel_cache(package(tmp_path, **{"bots/random": "HALF = 3\n"}))
    assert kernel_cache(package(tmp_path, **{"bots/random": "HALF = 4\n"})) != before


def test_a_file_without_kernels_does_not_move_it(tmp_path: Path) -> None:
    before = kernel_cache(package(tmp_path, rules="from engine.compile import kernel\n", files="SIZE = 1\n"))
    assert kernel_cache(package(tmp_path, files="SIZE = 2\n")) == before


def test_the_oldest_places_are_dropped(tmp_path: Path) -> None:
    places = [kernel_cache(package(tmp_path, rules=f"from engine.compile import kernel\n# {n}\n")) for n in range(9)]
    assert places[-1] is not None
    assert places[-1].is_dir()
    assert sum(place.is_dir() for place in set(places) if place is not None) == KEPT


KERNEL = "from engine.compile import kernel\n"


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where places may lie, the best first: each can be written until a file takes its place."""
    folders = [tmp_path / name for name in ("package", "numba", "home", "temporary")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folders[1]))
    monkeypatch.setenv("HOME", str(folders[2]))
    monkeypatch.setattr(tempfile, "tempdir", str(folders[3]))
    package(folders[0], rules=KERNEL)
    return folders


def block(home: Path) -> None:
    if home.name == "package":
        (home / "__pycache__").write_text("a file where a folder should be")
    else:
        home.rmdir()
        home.write_text("a file where a folder should be")


def test_the_first_folder_that_can_be_written_holds_the_place(homes: list[Path]) -> None:
    for home in homes:
        place = kernel_cache(homes[0])
        assert place is not None
        assert place.is_relative_to(home)
        shutil.rmtree(next(home / part for part in place.relative_to(home).parts))
        block(home)
    assert kernel_cache(homes[0]) is None


def test_a_change_moves_the_place_there_as_well(homes: list[Path]) -> None:
    block(homes[0])
    before = kernel_cache(homes[0])
    after = kernel_cache(package(homes[0], rules=KERNEL + "HALF = 3\n"))
    assert before is not None
    assert after is not None
    assert before != after
    assert before.parent == after.parent == homes[1] / "stratagem"


def test_a_shared_folder_of_somebody_else_holds_no_place(homes: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for home in homes[:3]:
        block(home)
    assert kernel_cache(homes[0]) is not None
    (folder,) = homes[3].iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    mine = os.getuid()
    os.rename(folder, folder.with_name(f"stratagem-{mine + 1}"))
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    assert kernel_cache(homes[0]) is None
