"""The policies in the box: trained ones that come with the package, each with its model card."""

from pathlib import Path

BOX = Path(__file__).parent


def boxed() -> list[Path]:
    """The policies, each as `learner.snapshot.load_policy` takes it."""
    return sorted(path.with_suffix("") for path in BOX.glob("*.safetensors"))
