"""`stratagem up`: what it refuses before it starts anything."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from stratagem.cli.up import up


@pytest.mark.parametrize("board", ["6", "3x3", "six"])
def test_a_board_that_cannot_be_is_refused_at_once(board: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(up, ["--board", board, "--data", str(tmp_path)])
    assert told.exit_code == 2
    assert f'board is "{board}"; accepted: HEIGHTxWIDTH' in told.output
    assert not list(tmp_path.iterdir())
