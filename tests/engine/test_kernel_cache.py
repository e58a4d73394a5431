"""A change of any rule, wherever it stands, must never run yesterday's compiled code."""

from pathlib import Path

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
    assert places[-1].is_dir()
    assert sum(place.is_dir() for place in places) == KEPT


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file where the folder should be")
    assert not kernel_cache(package(tmp_path, rules="from engine.compile import kernel\n")).exists()
