"""`stratagem policy`: policies as files for others to play with."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from store.connect import Connection
    from store.policies import PolicyVersion

REFUSED = 2


@click.group()
def policy() -> None:
    """Turn policies into other forms."""


@policy.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="POLICY")
@click.option("--onnx", "target", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="OUT.onnx")
def export(source: Path, target: Path) -> None:
    """Write a policy as ONNX, for places without torch.

    POLICY is NAME.safetensors with NAME.json beside it, as training leaves them; the suffix may be left out. The file
    is written only if it answers as torch does, within 0.0001, over the turns of some games.
    """
    from learner.export_onnx import ExportError, export_onnx
    from learner.snapshot import SnapshotError, load_policy, replace_file

    try:
        data = export_onnx(load_policy(_stem(source)).policy)
    except (SnapshotError, ExportError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    replace_file(target, data)
    click.echo(f"{target}: {len(data):,} bytes, equal to torch")


def _stem(path: Path) -> Path:
    return path.with_suffix("") if path.suffix in (".safetensors", ".json") else path


def publish_file(connection: "Connection", path: Path) -> "PolicyVersion":
    """Publish a policy from files, under the name of its run's folder; the same again is the same version."""
    from learner.snapshot import load_policy
    from store.policies import Policies

    snapshot = load_policy(path)
    about = {**snapshot.about, "network": snapshot.policy.config.as_dict()}
    name = path.resolve().parent.name.lower()
    return Policies(connection).publish(name, path.with_suffix(".safetensors").read_bytes(), about)


def store_export(connection: "Connection", version: "PolicyVersion") -> None:
    """Put the ONNX form of a published policy in the models bucket, where matches look for it."""
    from safetensors.torch import load as parse_tensors

    from learner.export_onnx import export_onnx
    from learner.network import NetworkConfig, Policy
    from learner.snapshot import fill
    from store.names import export_key, policy_key
    from store.objects import put
    from store.policies import Policies

    network = Policy(NetworkConfig(**version.about["network"]))
    fill(network, parse_tensors(Policies(connection).weights(version)), Path(policy_key(version.sha256)))
    put(connection, connection.names.models_bucket, export_key(version.sha256), export_onnx(network))
