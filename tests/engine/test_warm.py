"""Compiling beforehand: needed once for each state of the rules, and by nobody who runs them uncompiled."""

from pathlib import Path

import pytest

from engine import warm


def test_a_place_is_cold_until_a_kernel_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.delenv("STRATAGEM_PLAIN", raising=False)
    monkeypatch.setattr(warm, "kernel_cache", lambda: tmp_path)
    assert warm.is_cold()
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "rules.nbi").touch()
    assert not warm.is_cold()


def test_uncompiled_rules_need_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATAGEM_PLAIN", "1")
    monkeypatch.setattr(warm, "kernel_cache", lambda: tmp_path)
    assert not warm.is_cold()
    warm.compile_kernels()


def test_the_kernels_of_these_tests_were_compiled_beforehand() -> None:
    assert not warm.is_cold()


@pytest.mark.parametrize("part", warm.PARTS.values(), ids=warm.PARTS)
def test_each_part_runs(part: warm.Callable[[], None]) -> None:
    part()
