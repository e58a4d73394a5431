"""The policy's first layer, masks and memory."""

import numpy as np
import pytest
import torch

from engine.actions import expand_mask
from engine.observation import PLANES, planes
from learner.facts import phase, scalars
from learner.network import Policy, sample
from learner.network_config import SIZES, NetworkConfig
from learner.patches import folded, unfolded
from learner.patience import GATHER_UNTIL
from learner.sight import Sight, legal_actions
from learner.ways import FAR, NEAR

CONFIG = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)
PATCHED = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, patch=2)


def words_of(flags, mask, army):
    return torch.from_numpy(flags.astype(np.int32) | mask.astype(np.int32) << 8 | army.astype(np.int32) << 16)


def random_words(seed, *shape):
    draw = np.random.default_rng(seed)
    flags = draw.integers(0, 256, shape).astype(np.uint8) & np.uint8(0b10111111)  # kinds 0 to 7
    return flags, draw.integers(0, 32, shape).astype(np.uint8), draw.integers(0, 32768, shape).astype(np.int16)


def play(policy, turns=5, rows=3, seed=0, size=4):
    torch.manual_seed(seed)
    words = words_of(*random_words(seed, turns, rows, size, size))
    vector = torch.randint(0, 60, (turns, rows, 7), dtype=torch.int32)
    return words, vector, policy.first_memory(rows, size, size)


def test_planes_are_those_of_the_engine_and_one_of_ones():
    flags, mask, army = random_words(1, 6, 5, 7)
    made = Sight()(words_of(flags, mask, army)).numpy()
    assert made.shape == (6, len(PLANES) + 1, 5, 7)
    np.testing.assert_allclose(made[:, :-1], planes(flags, army), rtol=1e-5, atol=1e-6)
    assert (made[:, -1] == 1.0).all()


@pytest.mark.parametrize("castles", [False, True])
def test_legal_actions_are_the_engines(castles):
    flags, mask, army = random_words(2, 3, 4, 5)
    found = legal_actions(words_of(flags, mask, army), halves=True, castles=castles).numpy()
    np.testing.assert_array_equal(found, expand_mask(mask.reshape(3, 20), castles))


def test_without_halves_no_half_move_is_legal():
    flags, mask, army = random_words(3, 2, 4, 4)
    legal = legal_actions(words_of(flags, mask, army), halves=False, castles=False)
    assert not legal[:, 2::2].any()
    assert legal[:, 1::2].any()


@pytest.mark.parametrize(
    "config", [CONFIG, NetworkConfig(8, 0, 4, 8, halves=False), NetworkConfig(8, 1, 4, 8, castles=True)]
)
def test_what_is_illegal_is_never_drawn(config):
    policy = Policy(config)
    words, vector, memory = play(policy)
    output = policy(words, vector, memory, torch.zeros(5, 3, dtype=torch.bool))
    legal = legal_actions(words.flatten(0, 1), config.halves, config.castles).unflatten(0, (5, 3))
    assert output.logits.shape == legal.shape
    for _ in range(20):
        actions = sample(output.logits)
        assert legal.gather(-1, actions[..., None]).all()


def test_drawn_actions_follow_the_probabilities():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.2])).expand(20000, 3)
    generator = torch.Generator().manual_seed(0)
    counts = torch.bincount(sample(logits, generator), minlength=3) / 20000
    assert counts.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.015)


@pytest.mark.parametrize(("config", "size"), [(CONFIG, 4), (PATCHED, 4), (PATCHED, 5)])
def test_turns_together_are_turns_one_by_one(config, size):
    policy = Policy(config)
    words, vector, memory = play(policy, size=size)
    resets = torch.rand(5, 3) < 0.3
    together = policy(words, vector, memory, resets)
    for t in range(5):
        alone = policy(words[t : t + 1], vector[t : t + 1], memory, resets[t : t + 1])
        memory = alone.memory
        torch.testing.assert_close(alone.logits[0], together.logits[t], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone.values[0], together.values[t], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(memory, together.memory, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [CONFIG, PATCHED])
def test_memory_changes_what_follows_and_a_reset_forgets_it(config):
    policy = Policy(config)
    words, vector, empty = play(policy)
    past = torch.randn_like(empty)
    kept, reset = torch.zeros(1, 3, dtype=torch.bool), torch.ones(1, 3, dtype=torch.bool)
    here = (words[:1], vector[:1])
    assert not torch.allclose(policy(*here, past, kept).values, policy(*here, empty, kept).values)
    torch.testing.assert_close(policy(*here, past, reset).logits, policy(*here, empty, kept).logits)


def test_gradients_flow_back_through_the_memory_to_earlier_turns():
    policy = Policy(CONFIG)
    words, vector, memory = play(policy)
    memory.requires_grad_()
    none = torch.zeros(5, 3, dtype=torch.bool)
    policy(words, vector, memory, none).values[-1].sum().backward()
    assert memory.grad.abs().sum() > 0


def test_scalars_are_clock_land_armies_and_who_is_gone():
    vector = torch.tensor([[51, 8, 31, 0, 4, 15, 1]], dtype=torch.int32)
    found = scalars(vector, tiles=16)[0].tolist()
    assert found == pytest.approx([1, 1 / 50, np.log2(52) / 9, 0.5, 0.25, 5 / 9, 4 / 9, 0, 1])


def test_the_phase_is_the_turn_of_the_cycle_in_which_land_grows():
    vector = torch.zeros(4, 7, dtype=torch.int32)
    vector[:, 0] = torch.tensor([0, 49, 50, 137])
    assert phase(vector).argmax(1).tolist() == [0, 49, 0, 37]
    assert (phase(vector).sum(1) == 1.0).all()


def test_an_untrained_network_does_alike_in_all_phases_and_learns_to_tell_them_apart():
    torch.manual_seed(1)
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, phases=True))
    words = torch.randint(0, 127, (1, 2, 5, 6), dtype=torch.int32)
    vector = torch.zeros(2, 7, dtype=torch.int32)
    facts = policy.facts(vector, 30)
    other = facts.clone()
    other[:, -50:] = facts[:, -50:].roll(7, dims=1)
    board = policy.sight(words[0])
    assert torch.equal(policy.encode(board, facts)[0], policy.encode(board, other)[0])
    output = policy(words, vector[None], policy.first_memory(2, 5, 6), torch.zeros(1, 2) > 0)
    output.logits[output.logits > -1e8].square().mean().backward()
    gradient = policy.vector.weight.grad[:, -50:]
    assert gradient[:, 0].any()
    assert not gradient[:, 1:].any()


def test_a_tile_is_due_that_the_moves_left_suffice_for_but_not_for_what_lies_behind():
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, ways=True, ordered=True))
    need = torch.tensor([5.0, 4.0, 4.0, FAR])
    behind = torch.tensor([FAR, 5.0, 4.0, FAR])
    order = torch.stack([need, behind])[None, :, None, :] / NEAR
    vector = torch.zeros(1, 7, dtype=torch.int32)
    for until, gathers in zip(GATHER_UNTIL, range(6), strict=True):
        for left, due in ((4, [1]), (5, [0]), (6, [0]), (3, []), (0, [])):
            vector[:, 0] = 100 + int(until) - left
            shown = policy.patience(order, policy.facts(vector, 36))[0, gathers, 0]
            assert (shown > 0.5).nonzero()[:, 0].tolist() == due
    shown.sum().backward()
    assert policy.patience.left.bias.grad.abs().sum() > 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 4), (5, 9), (8, 3)])
@pytest.mark.parametrize("patch", [2, 3])
def test_patches_are_tiles_again(patch, height, width):
    board = torch.randn(3, 4, height, width)
    patches = folded(board, patch)
    assert patches.shape == (3, 4 * patch**2, -(-height // patch), -(-width // patch))
    assert float(patches.square().sum()) == pytest.approx(float(board.square().sum()), rel=1e-5)
    corner = patches[:, :, 0, 0].unflatten(1, (patch, patch, 4))[:, : min(patch, height), : min(patch, width)]
    torch.testing.assert_close(corner.permute(0, 3, 1, 2), board[:, :, :patch, :patch])
    torch.testing.assert_close(unfolded(patches, patch, height, width), board)


def test_a_network_in_patches_tells_their_tiles_apart():
    torch.manual_seed(0)
    policy = Policy(PATCHED)
    words, vector, memory = play(policy, turns=1, rows=1)
    words = words & ~(255 << 8) | 15 << 8  # all moves are legal
    logits = policy(words, vector, memory, torch.zeros(1, 1, dtype=torch.bool)).logits[0, 0, 1:]
    moves = logits.view(4, 4, 8)[:2, :2].reshape(4, 8)
    assert all((moves[a] - moves[b]).abs().max() > 1e-5 for a in range(4) for b in range(a))


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_a_size_plays_boards_of_any_shape(size):
    policy = Policy(NetworkConfig.of(size))
    for height, width in ((2, 2), (5, 9)):
        words = torch.zeros(1, 2, height, width, dtype=torch.int32)
        memory = policy.first_memory(2, height, width)
        output = policy(words, torch.ones(1, 2, 7, dtype=torch.int32), memory, torch.ones(1, 2, dtype=torch.bool))
        assert output.logits.shape == (1, 2, 1 + 8 * height * width)


def test_an_unknown_size_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=f'network size "huge" is unknown; known: {", ".join(SIZES)}'):
        NetworkConfig.of("huge")


@pytest.mark.parametrize(("patch", "width"), [(1, 5), (2, 6)])
@pytest.mark.parametrize("castles", [False, True])
@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_board_is_played_the_turned_way(turns, mirrored, castles, patch, width):
    def turn(board):
        board = np.rot90(board, turns, (-2, -1))
        return np.ascontiguousarray(np.flip(board, -1) if mirrored else board)

    def turn_mask(mask):
        """Bits 0-3 name directions, which turn along."""
        bits = [(mask >> d) & 1 for d in range(4)]
        for _ in range(turns):  # against the clock: what went up goes left
            up, down, left, right = bits
            bits = [right, left, up, down]
        if mirrored:
            bits = [bits[0], bits[1], bits[3], bits[2]]
        return turn(sum(bit << d for d, bit in enumerate(bits)) | mask & 16), bits

    policy = Policy(NetworkConfig(8, 2, 4, 8, castles=castles, patch=patch))
    with torch.no_grad():
        policy.moves.judge.weight.normal_()
    flags, mask, army = random_words(5, 3, 4, width)
    vector = torch.randint(0, 60, (1, 3, 7), dtype=torch.int32)
    memory = torch.randn(3, 4, 4, width) * (patch == 1)  # what is remembered of patches does not turn with their tiles
    keep = torch.zeros(1, 3, dtype=torch.bool)
    straight = policy(words_of(flags, mask, army)[None], vector, memory, keep)
    turned_words = words_of(turn(flags), turn_mask(mask)[0], turn(army))[None]
    turned = policy(turned_words, vector, torch.from_numpy(turn(memory.numpy())), keep)

    torch.testing.assert_close(turned.values, straight.values, rtol=1e-4, atol=1e-5)
    if patch == 1:
        np.testing.assert_allclose(turned.memory.detach(), turn(straight.memory.detach().numpy()), rtol=1e-4, atol=1e-5)
    moves = straight.logits[0, :, 1 : 1 + 32 * width].detach().reshape(3, 4, width, 4, 2)
    directions = [np.stack([moves[:, :, :, d, half] for half in range(2)]) for d in range(4)]
    for _ in range(turns):
        up, down, left, right = directions
        directions = [right, left, up, down]
    if mirrored:
        directions = [directions[0], directions[1], directions[3], directions[2]]
    expected = np.stack([turn(d) for d in directions], axis=-1).transpose(1, 2, 3, 4, 0)
    size = expected.shape[1:3]
    found = turned.logits[0, :, 1 : 1 + 32 * width].detach().numpy().reshape(3, *size, 4, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
