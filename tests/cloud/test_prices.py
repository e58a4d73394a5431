"""What a deployment costs: sums follow the profile, and every price is one of the table."""

import pytest

from cloud import prices
from cloud.errors import CloudError
from cloud.profiles import load_profile


def total(lines: list[prices.Line]) -> float:
    return sum(line.dollars for line in lines)


@pytest.mark.parametrize("name", ["dev", "small", "large"])
def test_every_profile_has_its_sums(name: str) -> None:
    shape = load_profile(name).shape
    for lines in (
        prices.idle(shape),
        prices.training_hour(shape),
        prices.billion_turns(shape),
        prices.thousand_matches(),
    ):
        assert all(line.dollars > 0 for line in lines)


def test_a_larger_profile_costs_more() -> None:
    dev, small, large = (load_profile(name).shape for name in ("dev", "small", "large"))
    assert total(prices.idle(dev)) < total(prices.idle(small)) < total(prices.idle(large))
    assert total(prices.training_hour(dev)) < total(prices.training_hour(small)) < total(prices.training_hour(large))


def test_a_server_is_reckoned_by_cores_and_memory() -> None:
    shape = prices.Shape((1024, 2048), (1024, 2048), 1, "ml.g5.xlarge", private=True, listener=False)
    server = prices.idle(shape)[0]
    assert server.dollars == pytest.approx(730 * (0.04048 + 2 * 0.004445))
    assert [line.what for line in prices.idle(shape)][1] == "8 interface endpoints"


def test_an_instance_without_a_price_is_named() -> None:
    shape = prices.Shape((1024, 2048), (1024, 2048), 1, "ml.x1.large", private=False, listener=False)
    with pytest.raises(ValueError, match="has no price here; known: ml"):
        prices.training_hour(shape)


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(CloudError, match='profile "huge" is unknown; known: dev, small, large'):
        load_profile("huge")
