"""The registry: a version number is given once, the same thing is one version, and what can be seen can be read."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from store import objects
from store.connect import Connection
from store.errors import ConflictError, DamagedError, InvalidError, NotFoundError
from store.names import policy_key
from store.policies import Policies

ABOUT = {"network": {"channels": 24}, "steps": 10}


def test_versions_count_up_and_never_change(connection: Connection) -> None:
    policies = Policies(connection)
    first = policies.publish("demo", b"one", ABOUT)
    second = policies.publish("demo", b"two", ABOUT, parent=1)
    assert (first.version, second.version, second.parent) == (1, 2, 1)
    assert policies.weights(first) == b"one"
    assert policies.resolve("demo") == second
    assert policies.get("demo", 1) == first
    assert [v.version for v in policies.versions("demo")] == [2, 1]
    assert policies.names() == ["demo"]


def test_publishing_the_same_again_is_the_same_version(connection: Connection) -> None:
    policies = Policies(connection)
    first = policies.publish("demo", b"one", ABOUT)
    policies.publish("demo", b"two", ABOUT)
    assert policies.publish("demo", b"one", ABOUT) == first
    assert policies.publish("demo", b"one", {**ABOUT, "steps": 11}).version == 3


def test_concurrent_publishers_lose_nothing(connection: Connection) -> None:
    with ThreadPoolExecutor(16) as crowd:
        made = list(crowd.map(lambda n: Policies(connection).publish("demo", b"%d" % (n % 12), ABOUT), range(48)))
    policies = Policies(connection)
    by_content = {}
    for version in made:
        assert by_content.setdefault(version.sha256, version.version) == version.version
    assert sorted(by_content.values()) == list(range(1, 13)) == sorted(v.version for v in policies.versions("demo"))


def test_aliases_point_at_versions(connection: Connection) -> None:
    policies = Policies(connection)
    for n in range(3):
        policies.publish("demo", b"%d" % n, ABOUT)
    policies.set_alias("demo", "champion", 1, expected=0)
    policies.set_alias("demo", "champion", 2, expected=1)
    with pytest.raises(ConflictError, match="points at 2; expected: 1"):
        policies.set_alias("demo", "champion", 3, expected=1)
    policies.set_alias("demo", "champion", 2, expected=1)  # a repeated try of what succeeded
    assert policies.resolve("demo", "champion").version == 2
    assert next(v for v in policies.versions("demo") if v.version == 2).aliases == ("champion",)
    with pytest.raises(InvalidError, match="always is the newest"):
        policies.set_alias("demo", "latest", 1)


def test_unknown_things_are_named(connection: Connection) -> None:
    policies = Policies(connection)
    with pytest.raises(NotFoundError, match='policy "demo" is unknown'):
        policies.resolve("demo")
    policies.publish("demo", b"one", ABOUT)
    with pytest.raises(NotFoundError, match="no version 7; the newest is 1"):
        policies.get("demo", 7)
    with pytest.raises(NotFoundError, match='no alias "best"; known: latest'):
        policies.resolve("demo", "best")
    with pytest.raises(InvalidError, match="policy name 'De mo'"):
        policies.publish("De mo", b"one", ABOUT)


def test_damaged_weights_are_found(connection: Connection) -> None:
    policies = Policies(connection)
    version = policies.publish("demo", b"one", ABOUT)
    objects.put(connection, connection.names.models_bucket, policy_key(version.sha256), b"two")
    with pytest.raises(DamagedError, match="sha256"):
        policies.weights(version)
