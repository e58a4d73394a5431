"""Policies as the registry keeps them: weights as safetensors bytes, the network's shape in the metadata."""

from pathlib import PurePosixPath
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors

from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import SnapshotError, fill, portable, read_config


def to_published(policy: Policy, about: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Weights and metadata to publish."""
    return pack_tensors(portable(policy.state_dict())), {**about, "network": policy.config.as_dict()}


def from_published(weights: bytes, about: dict[str, Any], name: str, device: str = "cpu") -> Policy:
    """The policy that was published. Raises SnapshotError for anything that is not a whole, sane one."""
    source = PurePosixPath(name)
    policy = Policy(read_config(source, about.get("network"), NetworkConfig))
    try:
        tensors = parse_tensors(weights)
    except (SafetensorError, ValueError, KeyError) as error:
        raise SnapshotError(f"{name}: is no safetensors file ({error})") from None
    fill(policy, tensors, source)
    return policy.to(device)
