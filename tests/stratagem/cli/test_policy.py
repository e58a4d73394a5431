"""`stratagem policy`: rating against bots and other policies, and another temperature."""

import json
import zipfile
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.scout import WEIGHTS, Scout, load_scout, save_scout
from learner.snapshot import load_policy, save_policy
from stratagem.cli import main

NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, castles=True)


def run(*arguments):
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


@pytest.fixture
def policy(tmp_path):
    torch.manual_seed(1)
    save_policy(Policy(NETWORK), tmp_path / "policy", {"seed": 1})
    return tmp_path / "policy"


def test_a_policy_is_rated_against_bots_and_policies(policy, tmp_path):
    told = run(
        "rate", policy, "--against", "hunter", "--against", f"{policy}.safetensors", "--board", "small",
        "--ruleset", "competition", "--pairs", 2, "--turns", 30, "--json", tmp_path / "found.json",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found["wins"]) == ["hunter", f"{policy}.safetensors"]
    assert found["wins"]["hunter"]["games"] == 4
    assert found["turn_limit"] == 30
    assert all(0.0 <= each["low"] <= each["mean"] <= each["high"] <= 1.0 for each in found["wins"].values())
    assert told.output.count("games against") == 2


def test_a_lower_temperature_makes_the_likeliest_likelier(policy, tmp_path):
    assert run("temper", policy, tmp_path / "cold", 0.25).exit_code == 0
    assert run("temper", tmp_path / "cold", tmp_path / "colder", 0.5).exit_code == 0
    warm, cold = load_policy(policy), load_policy(tmp_path / "cold")
    words = torch.randint(0, 1 << 16, (1, 1, 6, 6), dtype=torch.int32)
    vector = torch.ones((1, 1, 7), dtype=torch.int32)

    def logits(snapshot):
        output = snapshot.policy(
            words, vector, snapshot.policy.first_memory(1, 6, 6), torch.ones(1, 1, dtype=torch.bool)
        )
        return output.logits[output.logits > -1e8], output.values

    torch.testing.assert_close(logits(cold)[0], 4.0 * logits(warm)[0])
    torch.testing.assert_close(logits(cold)[1], logits(warm)[1])
    assert load_policy(tmp_path / "colder").about == {"seed": 1, "temperature": 0.125}


def test_a_grown_policy_answers_nearly_as_before_and_can_learn_more(policy, tmp_path):
    told = run("grow", policy, tmp_path / "grown", "--levels", 2)
    assert told.exit_code == 0, told.output
    small, large = load_policy(policy), load_policy(tmp_path / "grown")
    assert (large.policy.config.levels, large.policy.config.level_blocks) == (2, 1)
    assert large.about == small.about
    words = torch.randint(0, 1 << 16, (1, 3, 7, 6), dtype=torch.int32)
    told_all = (torch.ones((1, 3, 7), dtype=torch.int32), small.policy.first_memory(3, 7, 6))
    fresh = torch.ones(1, 3, dtype=torch.bool)
    before, after = small.policy(words, *told_all, fresh), large.policy(words, *told_all, fresh)
    torch.testing.assert_close(after.logits, before.logits, atol=0.05, rtol=0)
    after.logits[0, 0, 0].backward()
    assert all(weight.grad.abs().sum() > 0 for weight in large.policy.pyramid.down.parameters())


def test_a_policy_that_is_told_phases_answers_as_before_and_can_learn_to_tell_them_apart(policy, tmp_path):
    told = run("grow", policy, tmp_path / "told", "--phases")
    assert told.exit_code == 0, told.output
    before, after = load_policy(policy).policy, load_policy(tmp_path / "told").policy
    assert after.config.phases
    words = torch.randint(0, 1 << 16, (1, 3, 7, 6), dtype=torch.int32)
    vector = torch.tensor([[[0] * 7, [12] * 7, [61] * 7]], dtype=torch.int32)
    others = (before.first_memory(3, 7, 6), torch.ones(1, 3, dtype=torch.bool))
    output = after(words, vector, *others)
    torch.testing.assert_close(output.logits, before(words, vector, *others).logits)
    output.logits[0, :, 0].sum().backward()
    learned = after.vector.weight.grad[:, -50:].abs().sum(0) > 0
    assert learned.nonzero()[:, 0].tolist() == [0, 11, 12]
    again = run("grow", tmp_path / "told", tmp_path / "twice", "--phases")
    assert again.exit_code == 2
    assert "the network has phases already" in again.output


def test_a_policy_that_is_shown_the_order_answers_as_before_and_can_learn_to_read_it(tmp_path):
    torch.manual_seed(2)
    before = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, ways=True))
    save_policy(before, tmp_path / "before", {})
    shown = run("grow", tmp_path / "before", tmp_path / "shown", "--ordered")
    assert shown.exit_code == 0, shown.output
    after = load_policy(tmp_path / "shown").policy
    assert after.config == replace(before.config, ordered=True)
    batch = GameBatch("generalsio", 1, 3, board=MapSpec.plain(9, 9))
    batch.reset()
    for _ in range(60):
        batch.step(batch.bot_actions("expander"))
    observed = batch.observe()
    words = torch.from_numpy(observed.words.copy()).view(1, 2, 9, 9)
    vector = torch.from_numpy(observed.vector.copy()).view(1, 2, -1)
    others = (before.first_memory(2, 9, 9), torch.ones(1, 2, dtype=torch.bool))
    output = after(words, vector, *others)
    torch.testing.assert_close(output.logits, before(words, vector, *others).logits)
    output.logits[output.logits > -1e8].square().sum().backward()
    assert (after.first.weight.grad[:, -2:].abs().sum((0, 2, 3)) > 0).all()
    assert (after.moves.leave.weight.grad[:, -6:].abs().sum((0, 2, 3)) > 0).all()
    again = run("grow", tmp_path / "shown", tmp_path / "twice", "--ordered")
    assert again.exit_code == 2
    assert "the network has ordered already" in again.output


def test_ways_of_a_policy_that_is_grown_a_belief_lead_where_a_general_probably_is(tmp_path):
    torch.manual_seed(2)
    before = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, ways=True))
    save_policy(before, tmp_path / "before", {})
    grown = run("grow", tmp_path / "before", tmp_path / "after", "--belief", "--phases")
    assert grown.exit_code == 0, grown.output
    after = load_policy(tmp_path / "after").policy
    assert after.config == replace(before.config, belief=True, phases=True)
    assert torch.equal(after.first.weight[:, :-1], before.first.weight)
    assert not after.first.weight[:, -1].any()
    again = run("grow", tmp_path / "after", tmp_path / "twice", "--ordered")
    assert again.exit_code == 2
    assert "ordered comes before it" in again.output


def test_a_scout_that_was_taught_here_is_rated_and_packed(tmp_path):
    weights = tmp_path / "mine.safetensors"
    save_scout(load_scout(), weights)
    options = ("--against", "random", "--board", "small", "--pairs", 1, "--turns", 60)
    told = run("rate", "scout", "--weights", weights, *options)
    assert told.exit_code == 0, told.output
    save_scout(Scout(), weights)  # one that has learned nothing
    assert run("export", "--competition", "--bot", "scout", "--weights", weights, tmp_path / "bot.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "bot.zip") as packed:
        assert packed.read("learner/scout.safetensors") == weights.read_bytes()
    assert run("export", "--competition", "--bot", "scout", tmp_path / "bot.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "bot.zip") as packed:
        assert packed.read("learner/scout.safetensors") == WEIGHTS.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("grow", "nowhere", "{policy}"), "nowhere"),
        (("grow", "{policy}", "{policy}", "--levels", "0"), "nothing is asked for; accepted: levels of 1 to 6"),
        (("grow", "{policy}", "{policy}", "--levels", "9"), "levels and level_blocks are 9 and 1; accepted"),
        (("rate", "nowhere"), "nowhere"),
        (("rate", "{policy}", "--board", "moon"), 'map "moon" is unknown'),
        (("rate", "{policy}", "--ruleset", "chess"), "chess"),
        (
            ("rate", "{policy}", "--against", "nobody"),
            '"nobody" is neither a policy nor a bot; known: random, expander',
        ),
        (("rate", "{policy}", "--against", "some/nobody"), "some/nobody.json: No such file"),
        (("rate", "scout", "--weights", "nowhere"), "nowhere: is no scout"),
        (("export", "--competition", "--bot", "scout", "--weights", "nowhere", "bot.zip"), "nowhere: is no scout"),
        (("temper", "nowhere", "{policy}", "0.5"), "nowhere"),
        (("temper", "{policy}", "{policy}", "0"), "temperature is 0.0; accepted: above 0 to 100"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(policy, arguments, complaint):
    told = run(*(argument.format(policy=policy) for argument in arguments))
    assert told.exit_code == 2
    assert complaint in told.output
    assert len(told.output.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("rate", "hunter"), ("export", "--competition", "bot.zip", "--bot", "seeker")])
def test_weights_are_a_scouts(arguments):
    told = run(*arguments, "--weights", "mine.safetensors")
    assert told.exit_code == 2
    assert "--weights goes with" in told.output
