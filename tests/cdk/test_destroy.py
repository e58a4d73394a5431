"""What removing leaves, what removes that, and what a new deployment says of it."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner
from tests.cdk.conftest import Synthesized

from cloud.assembly import StackTemplate, read_assembly
from cloud.deployment import Deployment
from cloud.errors import CloudError
from cloud.stand_ins import local_cloud
from store.connect import Connection, create_tables
from store.names import TABLES, Names
from stratagem.cli.cloud import cloud

KEPT = [f"stratagem-{schema.name}" for schema in TABLES]


@pytest.fixture(scope="module")
def stacks(synthesized: Callable[[str], Synthesized]) -> list[StackTemplate]:
    """Those of the profile small, which keeps data."""
    return [one for one in read_assembly(synthesized("small").folder) if one.id in ("Storage", "Images")]


@pytest.fixture
def account() -> Iterator[Deployment]:
    """An account, empty but for what other tests of this process have: moto's servers share it."""
    with local_cloud() as endpoint:
        yield Deployment("stratagem", endpoint)


def of(stacks: list[StackTemplate], room: str) -> list[StackTemplate]:
    return [stack for stack in stacks if stack.id == room]


def test_what_a_deploy_left_that_was_broken_off_goes(account: Deployment, stacks: list[StackTemplate]) -> None:
    account.create(of(stacks, "Images"))
    assert account.destroy(everything=False) == []
    assert list(account.states()) == []


def test_what_was_kept_is_found_again_and_can_be_removed_later(
    account: Deployment, stacks: list[StackTemplate]
) -> None:
    other = "stratagem-dev-storage-models00000000-a"
    pages = [f"other-{number:03d}" for number in range(100)]  # a page of names, before those of the deployment
    for name in pages:
        account.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        )
    account.client("s3").create_bucket(Bucket=other)
    account.create(of(stacks, "Storage"))
    models = account.names().models_bucket
    account.client("s3").put_object(Bucket=models, Key="policies/a", Body=b"a")
    account.check_room()
    kept = account.destroy(everything=False)
    assert kept[:5] == KEPT
    assert models in kept[5:]
    assert len(kept) == 7
    assert account.destroy(everything=False) == kept, "told again"
    with pytest.raises(CloudError, match=r"kept of an earlier deployment: stratagem-policies, .* cannot have"):
        account.check_room()
    told = CliRunner().invoke(
        cloud, ["destroy", "--all", "--yes", "--profile=small", "--endpoint", str(account.endpoint)]
    )
    assert told.output.endswith("nothing is left\n")
    assert all(f"deleted {name}" in told.output for name in kept)
    left = [one["Name"] for one in account.client("s3").list_buckets()["Buckets"]]
    assert [name for name in left if name.startswith("stratagem")] == [other], "another deployment's"
    account.check_room()
    account.client("s3").delete_bucket(Bucket=other)
    for name in pages:
        account.client("dynamodb").delete_table(TableName=name)


def test_a_deploy_says_at_once_that_kept_tables_stand_in_its_way(account: Deployment) -> None:
    create_tables(Connection(Names.of("stratagem", account.endpoint)))
    bootstrap = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "21", "Type": "String"}
    account.client("ssm").put_parameter(**bootstrap, Overwrite=True)
    told = CliRunner().invoke(cloud, ["deploy", "--profile=small", "--tag=t", "--endpoint", str(account.endpoint)])
    assert told.exit_code == 2
    assert "npx aws-cdk import Storage" in told.output
    assert "stratagem cloud destroy --all" in told.output
    assert account.destroy(everything=True) == []
