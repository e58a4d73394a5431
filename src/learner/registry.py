"""Policies between the registry and memory."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors

from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import SnapshotError, file_of, fill, load_policy
from store.policies import Policies, PolicyVersion


def publish_policy(policies: Policies, name: str, path: Path, parent: int = 0, **facts: Any) -> PolicyVersion:
    """Publish `path`.safetensors and `path`.json under a name; `facts` are told of it beside its own.

    Raises SnapshotError for files that are no policy, and what `Policies.publish` raises.
    """
    snapshot = load_policy(path)
    about = {**snapshot.about, **facts, "network": snapshot.policy.config.as_dict()}
    return policies.publish(name, file_of(path, ".safetensors").read_bytes(), about, parent)


def fetch_policy(policies: Policies, version: PolicyVersion, device: str = "cpu") -> Policy:
    """A published policy, ready to play. Raises SnapshotError where its weights do not fit what it is said to be."""
    where = Path(f"{version.name}@{version.version}")
    try:
        policy = Policy(NetworkConfig(**version.about["network"]))
        tensors = parse_tensors(policies.weights(version))
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise SnapshotError(f"{where}: is no policy that can be built ({error})") from None
    fill(policy, tensors, where)
    return policy.to(device).eval()
