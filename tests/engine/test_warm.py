"""Compiling beforehand: needed once for each state of the rules, and by nobody who runs them uncompiled."""

import os
import signal
import subprocess
import sys
import time
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


COLD = """
import signal, sys
from engine import warm

signal.signal(signal.SIGINT, signal.default_int_handler)  # what was started in the background ignores it
warm.is_cold = lambda: True
warm.PARTS = {"a": None, "b": None}
sys.executable = sys.argv[1]
try:
    warm.compile_kernels()
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_while_kernels_are_compiled_ends_that_without_a_word(tmp_path: Path) -> None:
    compiler = tmp_path / "python"
    compiler.write_text(
        f"#!{sys.executable}\nimport os, sys, time\nopen(f'{tmp_path}/{{sys.argv[-1]}}', 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    compiler.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", COLD, str(compiler)]
    parent = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    notes = [tmp_path / "a", tmp_path / "b"]
    limit = time.monotonic() + 60.0
    while not all(note.exists() and note.read_text() for note in notes):
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.communicate(timeout=60)[0] == "stopped\n"  # all have closed their output: none is left


def test_the_kernels_of_these_tests_were_compiled_beforehand() -> None:
    assert not warm.is_cold()


@pytest.mark.parametrize("part", warm.PARTS.values(), ids=warm.PARTS)
def test_each_part_runs(part: warm.Callable[[], None]) -> None:
    part()
