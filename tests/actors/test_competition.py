"""The competition's zip, run as its referee runs it: a process on one core with 2 GB, asked turn by turn."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tests.actors.competition_referee import Program, action_of, frame, handshake

from actors.competition_zip import ExportError, competition_zip, needed_modules
from engine.batch import GameBatch
from engine.compile import OneThread
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import save_policy
from stratagem.cli import main
from stratagem.policies import BOX


def new_batch(seed):
    batch = GameBatch("competition", 1, seed, board="competition", autoreset="off")
    batch.reset()
    return batch


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that spin beside the bot's process would only slow it down."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def policy():
    """A policy that wants something: its move head is louder than an untrained one's."""
    torch.manual_seed(5)
    policy = Policy(NetworkConfig.of("tiny", castles=True))
    with torch.no_grad():
        policy.moves.judge.weight *= 300.0
    return policy.eval()


@pytest.fixture(scope="module")
def zipped(policy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    save_policy(policy, folder / "policy", {"board": [24, 24]})
    (folder / "bot.zip").write_bytes(competition_zip(folder / "policy", temperature=0.0))
    return folder / "bot.zip"


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    path = tmp_path_factory.mktemp("hunter") / "bot.zip"
    path.write_bytes(competition_zip(None))
    return path


def test_the_policy_answers_every_turn_as_it_does_to_the_engines_observation(policy, zipped, tmp_path):
    batch = new_batch(4)
    seat = 1
    memory = policy.first_memory(1, batch.height, batch.width)
    resets = torch.zeros((1, 1), dtype=torch.bool)
    program = Program(zipped, tmp_path)
    program.send(handshake(batch, seat))
    moves = 0
    for turn in range(250):
        answer = action_of(program.ask(*frame(batch, seat)), batch)
        if turn == 0:
            first = program.cpu_seconds()
        with torch.no_grad():
            words = torch.from_numpy(batch.view.view[:, seat].copy())[None]
            output = policy(words, torch.from_numpy(batch.view.vector[:, seat].copy())[None], memory, resets)
        memory = output.memory
        logits = output.logits[0, 0]
        assert logits[answer] >= logits.max() - 1e-4, f"turn {turn}: {answer}, {int(logits.argmax())} of {len(logits)}"
        moves += answer != 0
        with OneThread():
            actions = batch.bot_actions(["random", None])
            actions[0, seat] = answer
            _, _, terminated, _, info = batch.step(actions)
        if terminated[0]:
            break
    assert first < 10.0
    assert (program.cpu_seconds() - first) / turn < 0.1
    assert program.close() == (0, b"", "")
    assert moves > 80
    assert info["invalid"][0] <= 3  # of moves that the other seat's undid before their turn came


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param({"policy": None, "bot": "seeker"}, id="seeker"),
        pytest.param({"policy": None, "bot": "scout"}, id="scout"),
        pytest.param({"policy": BOX / "pupil-competition", "temperature": 0.0}, id="the policy in the box"),
    ],
)
def test_what_is_in_the_box_plays_a_whole_game_and_beats_random(packed, tmp_path):
    (tmp_path / "bot.zip").write_bytes(competition_zip(**packed))
    batch = new_batch(6)
    program = Program(tmp_path / "bot.zip", tmp_path / "unpacked")
    program.send(handshake(batch, 0))
    for turn in range(1200):
        answer = action_of(program.ask(*frame(batch, 0)), batch)
        if turn == 0:
            first = program.cpu_seconds()
        with OneThread():
            actions = batch.bot_actions([None, "random"])
            actions[0, 0] = answer
            _, _, terminated, _, info = batch.step(actions)
        if terminated[0]:
            break
    assert info["winner"][0] == 0
    assert first < 10.0
    assert (program.cpu_seconds() - first) / info["turns"][0] < 0.1
    assert program.close() == (0, b"", "")


def test_it_plays_on_after_garbage_and_ends_with_its_input(scripted, tmp_path):
    batch = new_batch(2)
    program = Program(scripted, tmp_path)
    program.send("hello", "", handshake(batch, 0))
    lines = frame(batch, 0)
    assert program.ask("\x00\x01", *lines).count(" ") == 4
    assert program.ask(*lines[:9], "not a row", *lines[10:]).count(" ") == 4
    assert program.ask(*lines[:9], "one too many", *lines[9:]).count(" ") == 4
    assert program.ask(*lines).count(" ") == 4
    program.send(*lines[:12])
    assert program.close() == (0, b"", "")


@pytest.mark.parametrize("sent", [[], ["0 18"], ["0 18 18"]])
def test_an_early_end_of_input_is_no_failure(scripted, tmp_path, sent):
    program = Program(scripted, tmp_path)
    program.send(*sent)
    assert program.close() == (0, b"", "")


def damage(zipped, name, content, target):
    """Write a zip that differs from another in one file: content takes what it was."""
    with zipfile.ZipFile(zipped) as archive, zipfile.ZipFile(target, "w") as changed:
        for entry in archive.namelist():
            held = archive.read(entry)
            changed.writestr(entry, content(held) if entry == name else held)


def complaints_of(zipped, folder):
    """What a program that should play all the same says at the end of a game of one turn."""
    batch = new_batch(1)
    program = Program(zipped, folder)
    program.send(handshake(batch, 0))
    assert program.ask(*frame(batch, 0)) == "1 0 0 0 0"
    status, _, complaints = program.close()
    assert status == 0
    return complaints


def test_a_damaged_policy_gives_way_to_the_scripted_bot(zipped, tmp_path):
    damage(zipped, "policy.safetensors", lambda held: held[:-4], tmp_path / "bad.zip")
    complaints = complaints_of(tmp_path / "bad.zip", tmp_path / "unpacked")
    assert "the policy cannot be used: SnapshotError" in complaints


def test_a_damaged_scout_gives_way_to_the_seeker(tmp_path):
    (tmp_path / "bot.zip").write_bytes(competition_zip(None, bot="scout"))
    damage(tmp_path / "bot.zip", "learner/scout.safetensors", lambda held: b"damaged", tmp_path / "bad.zip")
    complaints = complaints_of(tmp_path / "bad.zip", tmp_path / "unpacked")
    assert "the scout cannot be used: SnapshotError" in complaints


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [(None, "play.json cannot be used"), (b"[]", "list instead of an object"), (b'{"bot": "nobody"}', "")],
)
def test_a_zip_without_good_settings_plays_all_the_same(scripted, tmp_path, settings, complaint):
    batch = new_batch(1)
    with zipfile.ZipFile(scripted) as archive, zipfile.ZipFile(tmp_path / "bare.zip", "w") as bare:
        for entry in archive.namelist():
            if entry != "play.json":
                bare.writestr(entry, archive.read(entry))
        if settings is not None:
            bare.writestr("play.json", settings)
    program = Program(tmp_path / "bare.zip", tmp_path / "unpacked")
    program.send(handshake(batch, 0))
    assert program.ask(*frame(batch, 0)) == "1 0 0 0 0"
    status, _, complaints = program.close()
    assert status == 0
    assert complaint in complaints


def test_the_zip_is_small_the_same_each_time_and_runnable(zipped):
    with zipfile.ZipFile(zipped) as archive:
        run = archive.getinfo("run.sh")
        names = archive.namelist()
    assert run.external_attr >> 16 & 0o111
    assert zipped.stat().st_size < 1_000_000
    assert competition_zip(None) == competition_zip(None)
    assert not [name for name in names if "envs/" in name or name.startswith(("store/", "stratagem/"))]


def test_what_it_imports_comes_along():
    modules = needed_modules("actors.competition")
    assert {"actors/__init__.py", "actors/competition.py", "engine/bots/hunter.py", "learner/network.py"} <= set(
        modules
    )
    assert "torch" not in str(sorted(modules))


def test_a_policy_for_other_games_is_refused(tmp_path):
    save_policy(Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, seats=4)), tmp_path / "four", {})
    with pytest.raises(ExportError, match="plays games of 4 seats"):
        competition_zip(tmp_path / "four")


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(main, ["policy", "export", *map(str, arguments)])

    def test_it_packs_a_policy_and_says_how_fast_it_is(self, policy, tmp_path):
        save_policy(policy, tmp_path / "mine", {"board": [24, 24]})
        for given in ("mine", "mine.safetensors", "mine.json"):
            result = self.run("--competition", tmp_path / given, tmp_path / "out.zip")
            assert result.exit_code == 0, result.output
            assert "ms a move on one core here" in result.output
        assert zipfile.is_zipfile(tmp_path / "out.zip")

    @pytest.mark.parametrize("bot", ["hunter", "tracker", "strategist"])
    def test_it_packs_a_scripted_bot(self, bot, tmp_path):
        assert self.run("--competition", "--bot", bot, tmp_path / "out.zip").exit_code == 0
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            assert json.loads(archive.read("play.json"))["bot"] == bot

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--competition", "out.zip"], "give POLICY and OUT.zip"),
            (["--competition", "--bot", "hunter", "a", "out.zip"], "give POLICY and OUT.zip"),
            (["--competition", "--bot", "nobody", "out.zip"], 'bot "nobody" is unknown; known: hunter'),
            (["a", "out.zip"], "--competition"),
            (["--competition", "/nowhere/policy", "out.zip"], "/nowhere/policy.json"),
        ],
    )
    def test_it_refuses_by_name(self, arguments, complaint):
        result = self.run(*arguments)
        assert result.exit_code == 2
        assert complaint in result.output
        assert not Path("out.zip").exists()
