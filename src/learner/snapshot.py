"""Policies on disk: `NAME.safetensors` holds the weights, `NAME.json` what they are. Nothing in them can run code.

A training run's checkpoint is one safetensors file with its JSON in the header, so that it is replaced whole or not at
all. Everything read is checked before use: a policy may come from anybody.
"""

import hashlib
import json
import math
import os
from dataclasses import dataclass, fields
from pathlib import Path, PurePath
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors
from torch import Tensor
from torch.nn import Module

from learner.network import Policy, Trunk
from learner.network_config import OPTIONAL, NetworkConfig
from learner.q_network import QConfig, QNetwork

VERSION = 1
HEADER_KEY = "stratagem"
MAX_JSON_BYTES = 1 << 20
MAX_TENSOR_BYTES = 1 << 30
MAX_PLAY_BYTES = 1 << 40  # of the games of a run, which are as many as its GPU holds


class SnapshotError(ValueError):
    """A snapshot that cannot be used; the message names the file and what is wrong."""


Network = TypeVar("Network", bound=Trunk)


@dataclass(frozen=True)
class Kind(Generic[Network]):
    """A kind of network that is kept on disk."""

    format: str  # how its JSON names it
    network: type[Network]
    config: type[NetworkConfig]


POLICY = Kind("stratagem-policy", Policy, NetworkConfig)
Q_NETWORK = Kind("stratagem-q-network", QNetwork, QConfig)
KINDS: tuple[Kind[Any], ...] = (POLICY, Q_NETWORK)


@dataclass(frozen=True)
class Snapshot(Generic[Network]):
    """A network that was read, on its device and in evaluation mode, with what its JSON says of it."""

    policy: Network
    about: dict[str, Any]  # free facts: ruleset, board, steps, seed ...


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def file_of(path: Path, suffix: str) -> Path:
    """A snapshot's file: its name may hold dots of its own, which `with_suffix` would take for a suffix."""
    return path.with_name(f"{path.name}{suffix}")


def save_policy(policy: Trunk, path: Path, about: dict[str, Any]) -> None:
    """Write `path`.safetensors and `path`.json (`path` without a suffix). `about` must be fit for JSON."""
    weights = pack_tensors(portable(policy.state_dict()))
    description = {
        "format": next(kind.format for kind in KINDS if isinstance(policy, kind.network)),
        "version": VERSION,
        "network": policy.config.as_dict(),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "about": about,
    }
    replace_file(file_of(path, ".safetensors"), weights)
    replace_file(file_of(path, ".json"), json.dumps(description, indent=2, allow_nan=False).encode() + b"\n")


def load_policy(path: Path, device: str = "cpu") -> Snapshot[Policy]:
    """Read `path`.safetensors and `path`.json. Raises SnapshotError for anything that is not a whole, sane policy."""
    return _load(path, POLICY, device)


def load_q_network(path: Path, device: str = "cpu") -> Snapshot[QNetwork]:
    """The same for a Q network."""
    return _load(path, Q_NETWORK, device)


def _load(path: Path, kind: Kind[Network], device: str) -> Snapshot[Network]:
    described = file_of(path, ".json")
    weighed = file_of(path, ".safetensors")
    description = _read_json(described)
    if description.get("format") != kind.format or description.get("version") != VERSION:
        found = f"{description.get('format')!r} version {description.get('version')!r}"
        raise SnapshotError(f'{described}: is {found}; accepted: "{kind.format}" version {VERSION}')
    config = read_config(described, description.get("network"), kind.config)
    about = description.get("about")
    if not isinstance(about, dict):
        raise SnapshotError(f"{described}: about is {type(about).__name__}; accepted: an object")
    content = _read_bytes(weighed, MAX_TENSOR_BYTES)
    if hashlib.sha256(content).hexdigest() != description.get("sha256"):
        raise SnapshotError(f"{weighed}: its sha256 is not the one that {described.name} names")
    try:
        tensors = parse_tensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise SnapshotError(f"{weighed}: is no safetensors file ({error})") from None
    policy = kind.network(config)
    fill(policy, tensors, weighed)
    return Snapshot(policy.to(device).eval(), about)


def fill(policy: Module, tensors: dict[str, Tensor], source: PurePath) -> None:
    """Put tensors in a policy's place of weights. Raises SnapshotError unless names, shapes and numbers are right."""
    expected = policy.state_dict()
    for name in sorted(expected.keys() ^ tensors.keys()):
        raise SnapshotError(f'{source}: tensor "{name}" is {"missing" if name in expected else "unknown"}')
    for name, tensor in tensors.items():
        want = expected[name]
        if tensor.shape != want.shape or tensor.dtype != want.dtype:
            found = f"{tensor.dtype} {tuple(tensor.shape)}"
            raise SnapshotError(f'{source}: tensor "{name}" is {found}; accepted: {want.dtype} {tuple(want.shape)}')
        if not torch.isfinite(tensor).all():
            raise SnapshotError(f'{source}: tensor "{name}" holds numbers that are not finite')
    policy.load_state_dict(tensors)


def save_checkpoint(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and facts (fit for JSON) as one safetensors file."""
    replace_file(path, pack_tensors(portable(tensors), metadata={HEADER_KEY: json.dumps(facts, allow_nan=False)}))


def load_checkpoint(path: Path, limit: int = MAX_TENSOR_BYTES) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote, so many bytes at most. Raises SnapshotError."""
    content = _read_bytes(path, limit)
    try:
        with safe_open(path, "pt") as opened:
            facts = json.loads((opened.metadata() or {}).get(HEADER_KEY, ""))
        tensors = parse_tensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise SnapshotError(f"{path}: is no checkpoint ({error})") from None
    if not isinstance(facts, dict):
        raise SnapshotError(f"{path}: its facts are {type(facts).__name__}; accepted: an object")
    return tensors, facts


def what_differs(kept: Any, wanted: dict[str, Any]) -> str:
    """Why a checkpoint that was kept with such settings is no use to a run with others, in a clause."""
    there, here = _flat(kept if isinstance(kept, dict) else {}), _flat(wanted)
    names = [name for name in sorted(there | here) if there.get(name) != here.get(name)]
    told = [f"{name} is {there.get(name, 'not told')}, now {here.get(name, 'not told')}" for name in names[:3]]
    return f"is of a run with other settings: {', '.join(told)}{' and more' if len(names) > len(told) else ''}"


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings within settings by their names, joined by dots."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        inner = _flat(value) if isinstance(value, dict) else None
        flat |= {f"{name}.{key}": each for key, each in inner.items()} if inner else {name: value}
    return flat


def keep_lines(path: Path, count: int) -> None:
    """Cut a file of lines to the first so many: those after a checkpoint, of which the last may be torn, come again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        replace_file(path, "".join(lines[:count]).encode())


def portable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as safetensors takes them: on the CPU, contiguous, without gradients."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)  # so much memory is taken at once
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}") from None
    if len(content) > limit:
        raise SnapshotError(f"{path}: has more than {limit} bytes")
    return content


def _read_json(path: Path) -> dict[str, Any]:
    content = _read_bytes(path, MAX_JSON_BYTES)
    try:
        description = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"{path}: is no JSON ({error})") from None
    if not isinstance(description, dict):
        raise SnapshotError(f"{path}: is {type(description).__name__}; accepted: an object")
    return description


def read_config(path: PurePath, network: object, kind: type[NetworkConfig]) -> NetworkConfig:
    """The network that JSON describes. Raises SnapshotError."""
    if not isinstance(network, dict):
        raise SnapshotError(f"{path}: network is {type(network).__name__}; accepted: an object")
    known = {field.name: field.type for field in fields(kind)}
    for name in sorted((known.keys() ^ network.keys()) - (set(OPTIONAL) - network.keys())):
        raise SnapshotError(f'{path}: network option "{name}" is {"missing" if name in known else "unknown"}')
    for name, value in network.items():
        if type(value) is not known[name]:
            raise SnapshotError(
                f"{path}: network {name} is {value!r}; accepted: {getattr(known[name], '__name__', known[name])}"
            )
    try:
        config = kind(**network)
    except ValueError as error:
        raise SnapshotError(f"{path}: {error}") from None
    wide, memory = config.channels * config.patch, config.memory * config.patch**2
    weights = math.prod((wide, wide, 18 * config.blocks + 9)) + 27 * memory**2
    if config.levels:
        weights += (24 * config.level_blocks + 12) * (wide << config.levels) ** 2
    if 4 * weights > MAX_TENSOR_BYTES:
        raise SnapshotError(f"{path}: its network would have some {weights:,} weights; accepted: 1 GiB of them")
    return config
