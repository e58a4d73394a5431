"""The example reads the lake's Parquet files with DuckDB."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.store.games import played_record

from store.connect import Connection
from store.lake import Lake
from store.lake_rows import GameRow

ROOT = Path(__file__).resolve().parents[2]


def test_it_counts_the_games_of_the_lake(connection: Connection, tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    record = played_record()
    rows = [
        GameRow.of(record, f"g{n}", ("bot:random", "bot:expander"), finished_ms=1_700_000_000_000 + n, source="test")
        for n in range(3)
    ]
    Lake(connection).add(rows)
    environment = {**os.environ, **connection.names.environment(), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / "examples/lake_duckdb.py"), str(tmp_path / "lake")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert f"['bot:random', 'bot:expander'] │     3 │   {float(record.turns)}" in printed, printed
    assert list((tmp_path / "lake").rglob("ruleset=*/date=2023-11-14/*.parquet"))
