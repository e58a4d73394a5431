"""The curriculum of spawn distances."""

import pytest

from engine.map_specs import MapSpec
from learner.curriculum import SpawnCurriculum

BOARD = MapSpec.site(2)


def test_generals_start_near_and_end_where_the_map_wants_them():
    curriculum = SpawnCurriculum(BOARD, nearest=5, part=0.5, stages=4)
    most = [curriculum.maps(step / 100).apart_most for step in range(50)]
    assert most[0] == 5
    assert most == sorted(most)
    assert len(set(most)) == 4
    assert curriculum.maps(0.5) == curriculum.maps(1.0) == BOARD


def test_the_least_distance_asked_for_leaves_room_below_the_largest():
    curriculum = SpawnCurriculum(BOARD, nearest=1)
    for step in range(50):
        maps = curriculum.maps(step / 100)
        assert 1 <= maps.apart <= maps.apart_most
        assert maps.apart <= BOARD.apart
        assert (maps.board_height, maps.board_width) == (BOARD.board_height, BOARD.board_width)


def test_without_a_part_of_the_run_the_board_is_the_maps():
    assert SpawnCurriculum(BOARD, part=0.0).maps(0.0) == BOARD


@pytest.mark.parametrize("wrong", [{"nearest": 0}, {"part": 1.5}, {"stages": 0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"curriculum {next(iter(wrong))} is"):
        SpawnCurriculum(BOARD, **wrong)
