"""The policies in the box: trained ones that come with the package, each with its model card."""

from pathlib import Path

BOX = Path(__file__).parent
SUFFIXES = (".json", ".safetensors")


def boxed() -> list[Path]:
    """The policies, each as `learner.snapshot.load_policy` takes it."""
    return sorted(path.with_suffix("") for path in BOX.glob("*.safetensors"))


def stem_of(path: Path) -> Path:
    """A policy's path as `load_policy` and `save_policy` take it, whichever of its files it names."""
    return path.with_suffix("") if path.suffix in SUFFIXES else path


def find_policy(name: Path) -> Path:
    """What somebody calls a policy, as `load_policy` takes it: a path; where nothing lies there, one in the box."""
    stem = stem_of(name)
    named = {policy.name: policy for policy in boxed()}
    there = any(stem.with_name(stem.name + suffix).exists() for suffix in SUFFIXES)
    return stem if there or stem.parent != Path() else named.get(stem.name, stem)
