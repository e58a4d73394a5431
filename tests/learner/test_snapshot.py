"""Policies on disk: what was saved comes back, and nothing else is taken."""

import json
import re
import struct

import pytest
import torch

from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import SnapshotError, load_checkpoint, load_policy, replace_file, save_checkpoint, save_policy

CONFIG = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    policy = Policy(CONFIG)
    save_policy(policy, tmp_path / "policy", {"steps": 7})
    return policy, tmp_path / "policy"


def edit(path, change):
    description = json.loads(path.with_suffix(".json").read_text())
    change(description)
    path.with_suffix(".json").write_text(json.dumps(description))


def test_a_policy_comes_back_with_its_numbers_and_facts(saved):
    policy, path = saved
    snapshot = load_policy(path)
    assert snapshot.about == {"steps": 7}
    assert snapshot.policy.config == CONFIG
    assert not snapshot.policy.training
    for name, tensor in policy.state_dict().items():
        torch.testing.assert_close(snapshot.policy.state_dict()[name], tensor, rtol=0, atol=0)


def test_a_name_may_hold_dots(saved):
    policy, path = saved
    for name in ("policy-0.1", "policy-0.25"):
        save_policy(policy, path.with_name(name), {"name": name})
    assert load_policy(path.with_name("policy-0.1")).about == {"name": "policy-0.1"}


def test_saving_leaves_two_files_and_nothing_else(saved):
    assert sorted(path.name for path in saved[1].parent.iterdir()) == ["policy.json", "policy.safetensors"]


def test_a_file_that_cannot_be_replaced_leaves_no_draft(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        replace_file(tmp_path / "taken", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(format="other"), "is 'other' version 1"),
        (lambda d: d.update(version=2), "version 2; accepted"),
        (lambda d: d.update(network=[]), "network is list"),
        (lambda d: d["network"].pop("memory"), 'network option "memory" is missing'),
        (lambda d: d["network"].update(depth=3), 'network option "depth" is unknown'),
        (lambda d: d["network"].update(channels="8"), "network channels is '8'; accepted: int"),
        (lambda d: d["network"].update(ordered=True), "network ordered is True without ways; accepted: False"),
        (lambda d: d["network"].update(belief=True), "network belief is True without ways; accepted: False"),
        (
            lambda d: d["network"].update(belief=True, ways=True, seats=1),
            "network belief is True with seats 1; accepted",
        ),
        (lambda d: d["network"].update(halves=1), "network halves is 1; accepted: bool"),
        (lambda d: d["network"].update(channels=0), "network channels is 0"),
        (lambda d: d["network"].update(channels=4096, blocks=256), "would have some"),
        (lambda d: d["network"].update(channels=16), "; accepted: torch.float32 ("),
        (lambda d: d["network"].update(blocks=2), 'tensor "blocks.1.'),
        (lambda d: d.update(sha256="0" * 64), "its sha256 is not the one"),
        (lambda d: d.update(about=None), "about is NoneType"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_by_name(saved, change, complaint):
    edit(saved[1], change)
    with pytest.raises(SnapshotError) as caught:
        load_policy(saved[1])
    assert complaint in str(caught.value)
    assert "policy." in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no json", b"[1]", b"[" * 100_000, b"\xff\xfe"])
def test_json_that_is_none_is_refused(saved, content):
    saved[1].with_suffix(".json").write_bytes(content)
    with pytest.raises(SnapshotError, match=r"policy\.json"):
        load_policy(saved[1])


def reseal(path):
    """Make the description name the weights as they are now."""
    import hashlib

    content = path.with_suffix(".safetensors").read_bytes()
    edit(path, lambda d: d.update(sha256=hashlib.sha256(content).hexdigest()))


@pytest.mark.parametrize("content", [b"", b"junk", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 2) + b"[]"])
def test_weights_that_are_no_safetensors_are_refused(saved, content):
    saved[1].with_suffix(".safetensors").write_bytes(content)
    reseal(saved[1])
    with pytest.raises(SnapshotError, match=r"policy\.safetensors"):
        load_policy(saved[1])


def test_a_pickle_is_never_read(saved):
    torch.save(saved[0].state_dict(), saved[1].with_suffix(".safetensors"))
    reseal(saved[1])
    with pytest.raises(SnapshotError, match="is no safetensors file"):
        load_policy(saved[1])


def test_numbers_that_are_not_finite_are_refused(saved):
    policy, path = saved
    with torch.no_grad():
        policy.value.bias.fill_(float("nan"))
    save_policy(policy, path, {})
    with pytest.raises(SnapshotError, match="not finite"):
        load_policy(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SnapshotError, match=rf"^{re.escape(str(tmp_path))}/nobody\.json: No such file"):
        load_policy(tmp_path / "nobody")


def test_a_checkpoint_comes_back_whole(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, {"a": torch.arange(3)}, {"seconds": 1.5})
    tensors, facts = load_checkpoint(path)
    assert facts == {"seconds": 1.5}
    assert tensors["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 7, 40])
def test_a_damaged_checkpoint_is_refused(tmp_path, size):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, {"a": torch.arange(30)}, {"seconds": 1.5})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SnapshotError, match="is no checkpoint"):
        load_checkpoint(path)
