"""The picture in the docs is of the app as it is."""

from cdk.picture import ROOT_PICTURE, columns, contents, draw
from tests.cdk.conftest import Synthesized


def test_the_picture_in_the_docs_is_of_this_app(dev: Synthesized) -> None:
    assert ROOT_PICTURE.read_text(encoding="utf-8") == draw(dev.folder), "make it anew: see docs/deploy.md"


def test_every_stack_stands_right_of_what_it_needs(dev: Synthesized) -> None:
    held, needs = contents(dev.folder)
    depth = columns(needs)
    assert set(held) == set(dev.stacks) == set(depth)
    assert all(depth[stack] > depth[other] for stack, others in needs.items() for other in others)
    assert needs["Training"] >= {"Network", "Storage", "Images", "Services"}
