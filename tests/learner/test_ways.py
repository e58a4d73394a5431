"""Ways over the board: kernels and torch find the same, and it is what a person would see."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from tests.engine.ascii import read

from engine.batch import GameBatch
from engine.compile import COMPILED
from engine.map_specs import MapSpec
from engine.views import BoardView
from learner import ways
from learner.export_onnx import export_onnx
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.q_network import QConfig, QNetwork
from learner.sight import Sight
from learner.snapshot import load_policy, save_policy
from learner.ways import FAR, MY_ARMY, Ways, army_of, survey_compiled, survey_plain

NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, ways=True)
FORMS = [pytest.param(survey_plain, id="torch")]
if COMPILED:
    FORMS.append(pytest.param(survey_compiled, id="kernels"))
LINES = "A30 a1 a3 a9 a2 .\n.   ^  a7 ^  .  .\n.   .  a1 .  .  .\n.   .  .  .  .  B1"


def found(form, text, seat=0, ordered=False, likely=None):
    """A survey of what a seat sees of a board in letters, the only one of its batch."""
    game = read(16, text).game()
    words = torch.from_numpy(BoardView.of(game.row, game._shape).view[seat].copy())
    board = Sight()(words[None])
    survey = form(board, army_of(board[:, MY_ARMY]), ordered, likely)
    return survey._make(field[0].tolist() for field in survey)


@pytest.mark.parametrize("form", FORMS)
def test_ways_lead_round_mountains_and_neutral_cities(form):
    survey = found(form, "A1 ^ . .\na1 ^ #40 .\na1 a1 a1 B1")
    assert survey.home == [[0, FAR, 8, 7], [1, FAR, FAR, 6], [2, 3, 4, 5]]
    assert survey.goal == [[5, FAR, 3, 2], [4, FAR, FAR, 1], [3, 2, 1, 0]]  # the general of B is in sight
    assert survey.is_front == [[0] * 4] * 3  # no army could march


@pytest.mark.parametrize("form", FORMS)
def test_without_a_general_in_sight_the_goal_lies_deep_in_the_fog(form):
    survey = found(form, LINES)
    # The last column and row are two steps from what is in sight, and a general may be no nearer than that.
    assert survey.goal == [[2, 3, 4, 3, 2, 2], [1, FAR, 3, FAR, 1, 1], [0, 1, 2, 1, 0, 0], [0, 1, 2, 1, 0, 0]]


@pytest.mark.parametrize("form", FORMS)
def test_a_load_is_what_comes_along_on_the_way_to_the_front(form):
    survey = found(form, LINES)
    assert survey.is_front[0] == [1, 0, 0, 0, 0, 0]
    assert survey.front == [[0, 1, 2, 3, 4, FAR], [FAR, FAR, 3, FAR, FAR, FAR], [FAR, FAR, 4, FAR, FAR, FAR], [FAR] * 6]
    # A tile keeps an army, and its move is worth three quarters of one.
    assert survey.load[0][0][:5] == [41.5, 13.25, 14.0, 7.5, 0.25]
    assert [row[2] for row in survey.load[0]] == [14.0, 5.25, -0.75, -0.75]
    assert survey.leaf[0][0][:5] == [0, 0, 0, 0, 1]
    assert survey.leaf[0][1][2] == 1  # what lies behind it is worth nothing
    assert survey.load[1][0][:5] == [30.0, 4.0, 7.0, 5.0, -2.0]
    assert survey.load[1][1][2] == 3.0


@pytest.mark.parametrize("form", FORMS)
def test_a_tile_needs_the_moves_of_the_least_tree_that_empties_it(form):
    need, behind = found(form, LINES, ordered=True).order
    # The way from a9 pays for itself and for what joins it: a7 comes along, and a2 is worth a move of its own. What
    # lies behind a7 is worth none.
    assert need[0] == [FAR, 4, 4, 4, 5, FAR]
    assert [row[2] for row in need] == [4, 4, FAR, FAR]
    assert behind[0] == [4, 4, 4, 5, FAR, FAR]
    assert [row[2] for row in behind] == [4, FAR, FAR, FAR]


def beside(place, places):
    """Those of some places that an army reaches in a step."""
    r, c = place
    return [q for q in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)) if q in places]


def moved(armies, start, end):
    """The armies after one of them, but for one unit, has moved."""
    return {**armies, start: 1, end: armies[end] + armies[start] - 1}


def most_gathered(armies, front, moves):
    """The most that the front can hold after so many moves, of all there are."""
    if moves == 0:
        return armies[front]
    tries = [moved(armies, p, q) for p, army in armies.items() if army > 1 for q in beside(p, armies)]
    return max(most_gathered(after, front, moves - 1) for after in tries)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moves", [1, 4, 5])
def test_moving_what_is_due_gathers_as_much_as_any_moves(moves, form):
    armies = dict(zip(product(range(3), range(3)), [3, 1, 4, 6, 9, 1, 20, 2, 5], strict=True))
    front = (2, 0)
    most = most_gathered(armies, front, moves)
    for left in range(moves, 0, -1):
        own = [f"{'A' if place == front else 'a'}{army}" for place, army in armies.items()]
        survey = found(form, "\n".join(" ".join(own[at : at + 3]) for at in (0, 3, 6)) + "\n. b1 .", ordered=True)
        need, behind = survey.order
        start = next((r, c) for r, c in armies if need[r][c] <= left < behind[r][c])
        ahead = min(beside(start, armies), key=lambda q: survey.front[q[0]][q[1]])
        armies = moved(armies, start, ahead)
    assert armies[front] == most


@pytest.mark.parametrize("form", FORMS)
def test_when_all_is_known_the_goal_is_land_of_others(form):
    survey = found(form, "a1 A9 a1\na1 a1 a1\n. b1 .")
    assert survey.goal == [[2, 2, 2], [1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("form", FORMS)
def test_the_goal_lies_where_it_is_told_to_until_a_general_is_seen(form):
    likely = torch.zeros(1, 4, 6)
    likely[0, 2, 0] = 1.0
    assert found(form, LINES, likely=likely).goal[0][:2] == [2, 3]
    seen = "A1 ^ . .\na1 ^ #40 .\na1 a1 a1 B1"
    assert found(form, seen, likely=torch.ones(1, 3, 4)).goal == found(form, seen).goal
    none = torch.zeros(1, 4, 6)  # then it is land of others
    assert found(form, LINES, likely=none).goal[0] == [1, 2, 3, 2, 1, 0]


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_kernels_and_torch_find_the_same_in_whole_games(ruleset, board):
    batch = GameBatch(ruleset, 6, 3, board=board, autoreset="next", max_turns=400)
    batch.reset()
    sight = Sight()
    for turn in range(300):
        if turn % 25 == 20:
            planes = sight(torch.from_numpy(batch.observe().words.reshape(12, batch.height, batch.width).copy()))
            armies = army_of(planes[:, MY_ARMY])
            mine, theirs = survey_compiled(planes, armies, True), survey_plain(planes, armies, True)
            for name, one, other in zip(mine._fields, mine, theirs, strict=True):
                torch.testing.assert_close(one, other, atol=1e-3, rtol=0.0, msg=f"{name} at turn {turn}")
        batch.step(batch.bot_actions(["hunter", "expander"]))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_narrow_boards(shape):
    planes = torch.rand(2, 17, *shape)
    for form in FORMS:
        for likely in (None, torch.zeros(2, *shape)):
            for field in form.values[0](planes, army_of(planes[:, MY_ARMY]), True, likely):
                assert (field.shape[0], *field.shape[-2:]) == (2, *shape)


def test_a_network_is_the_same_without_kernels(monkeypatch):
    batch = GameBatch("generalsio", 2, 3, board=MapSpec.plain(9, 9))
    batch.reset()
    for _ in range(60):
        batch.step(batch.bot_actions("expander"))
    planes = Sight()(torch.from_numpy(batch.observe().words.reshape(4, 9, 9).copy()))
    shown = Ways(ordered=True)(planes)
    assert shown.shape == (4, ways.COUNT + ways.ORDER, 9, 9)
    assert -12.0 <= shown.min() <= shown.max() <= 3.0
    torch.testing.assert_close(Ways()(planes), shown[:, : ways.COUNT], atol=0.0, rtol=0.0)
    monkeypatch.setattr(ways, "KERNELS", False)
    torch.testing.assert_close(Ways(ordered=True)(planes), shown, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize(
    ("told", "patch"),
    [((), 1), (("phases",), 1), (("phases", "ordered"), 1), (("belief",), 1), (("ordered", "belief"), 2)],
)
def test_a_policy_with_ways_is_kept_and_exported(told, patch, tmp_path):
    torch.manual_seed(0)
    policy = Policy(replace(NETWORK, **dict.fromkeys(told, True), patch=patch))
    save_policy(policy, tmp_path / "one", {})
    again = load_policy(tmp_path / "one").policy
    words = torch.randint(0, 127, (1, 2, 5, 6), dtype=torch.int32)
    arguments = (words, torch.zeros(1, 2, 7, dtype=torch.int32), policy.first_memory(2, 5, 6), torch.zeros(1, 2) > 0)
    torch.testing.assert_close(again(*arguments).logits, policy(*arguments).logits)
    assert len(export_onnx(policy)) > 1000  # which compares it with torch itself


def test_a_q_network_may_have_ways():
    network = QNetwork(QConfig(channels=8, blocks=1, memory=4, hidden=8, ways=True))
    words = torch.randint(0, 127, (1, 2, 5, 6), dtype=torch.int32)
    output = network(
        words, torch.zeros(1, 2, 7, dtype=torch.int32), network.first_memory(2, 5, 6), torch.zeros(1, 2) > 0
    )
    assert output.logits.shape[:2] == (1, 2)
