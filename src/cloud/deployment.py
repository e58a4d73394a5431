"""A deployment: its stacks by their names, what they tell of themselves, and how they are removed."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cloud.assembly import StackTemplate
from cloud.errors import CloudError
from store.connect import LOCAL_CREDENTIALS, Connection, error_code
from store.names import LAKE_OUTPUT, MODELS_OUTPUT, REGION, TABLES, WEB_OUTPUT, Names

# In the order in which they are made.
ROOMS = ("network", "storage", "images", "delivery", "services", "training", "api", "web", "observability")
DATA_BUCKETS = (MODELS_OUTPUT, LAKE_OUTPUT)  # kept by profiles that keep data


@dataclass(frozen=True)
class StackState:
    """A stack as CloudFormation tells it."""

    name: str
    status: str
    outputs: dict[str, str]
    reason: str


class Deployment:
    """The stacks of a prefix in the account and region that the environment names, or at a stand-in's endpoint."""

    def __init__(self, prefix: str, endpoint: str | None = None, region: str | None = None) -> None:
        self.prefix, self.endpoint = prefix, endpoint
        own = LOCAL_CREDENTIALS if endpoint else {}
        # boto3 reads AWS_DEFAULT_REGION and the profile alone; the CDK and the other SDKs read AWS_REGION.
        region = region or os.environ.get("AWS_REGION") or (REGION if endpoint else None)
        self._session = boto3.session.Session(region_name=region, **own)
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        """A client of a service. Raises CloudError where credentials or region are missing."""
        if not self.endpoint and self._session.get_credentials() is None:
            raise CloudError("no AWS credentials: run `aws configure sso` or set AWS_PROFILE, then try again")
        if self._session.region_name is None:  # some services would do without
            raise CloudError("no AWS region: set AWS_REGION, to us-east-1 say, then try again")
        return self._session.client(service, endpoint_url=self.endpoint)

    @property
    def region(self) -> str:
        """The region's name."""
        region: str = self.client("cloudformation").meta.region_name
        return region

    def states(self) -> Iterator[StackState]:
        """The stacks that there are, in the order in which they were made."""
        for room in ROOMS:
            try:
                told = self._call("cloudformation", "describe_stacks", StackName=f"{self.prefix}-{room}")["Stacks"][0]
            except ClientError as error:
                if "does not exist" in str(error):
                    continue
                raise
            outputs = {one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", ())}
            yield StackState(told["StackName"], told["StackStatus"], outputs, told.get("StackStatusReason", ""))

    def _call(self, service: str, operation: str, **arguments: Any) -> Any:
        """A request whose lack of credentials or connection is told in a line."""
        try:
            return getattr(self.client(service), operation)(**arguments)
        except NoCredentialsError:
            raise CloudError("no AWS credentials: run `aws configure sso` or set AWS_PROFILE, then try again") from None
        except ClientError as error:
            if error_code(error) in ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"):
                raise CloudError("the AWS credentials are not valid any more: log in again, then try again") from None
            raise
        except BotoCoreError as error:
            raise CloudError(f"AWS {service} cannot be asked: {error}") from None

    def outputs(self) -> dict[str, str]:
        """All outputs of all stacks. Raises CloudError where there is no stack."""
        states = list(self.states())
        if not states:
            raise CloudError(
                f"nothing is deployed as {self.prefix} in {self.region}: run `stratagem cloud deploy` first"
            )
        return {key: value for state in states for key, value in state.outputs.items()}

    def names(self) -> Names:
        """The store's real names."""
        outputs = self.outputs()
        return Names(self.prefix, outputs[MODELS_OUTPUT], outputs[LAKE_OUTPUT], self.endpoint, self.region)

    def connection(self) -> Connection:
        """The deployed store."""
        return Connection(self.names())

    def create(self, stacks: Sequence[StackTemplate], say: Callable[[str], None] = lambda text: None) -> None:
        """Make the stacks that are missing without the CDK's command line, on a stand-in that takes whole templates."""
        present = {state.name for state in self.states()}
        client = self.client("cloudformation")
        for stack in stacks:
            if stack.name in present:
                continue
            capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
            client.create_stack(StackName=stack.name, TemplateBody=stack.body, Capabilities=capabilities)
            client.get_waiter("stack_create_complete").wait(StackName=stack.name)
            say(f"made {stack.name}")

    def destroy(self, everything: bool, say: Callable[[str], None] = lambda text: None) -> list[str]:
        """Delete the stacks, the last first; what is kept, by its name. With `everything` nothing is.

        What an earlier call has kept is found again by its name, when its stacks are gone.
        """
        states = list(self.states())
        outputs = {key: value for state in states for key, value in state.outputs.items()}
        doomed = [outputs[WEB_OUTPUT]] if WEB_OUTPUT in outputs else []
        if everything or not self._lasting(states):
            doomed += [outputs[key] for key in DATA_BUCKETS if key in outputs]
        logs = self._log_buckets(states)
        for bucket in doomed:
            self._empty(bucket)
            say(f"emptied {bucket}")
        client = self.client("cloudformation")
        for state in reversed(states):
            for bucket in logs if state.name.endswith("-storage") else ():
                self._empty(bucket)  # until now the others wrote their access logs there
            client.delete_stack(StackName=state.name)
            client.get_waiter("stack_delete_complete").wait(StackName=state.name)
            say(f"deleted {state.name}")
        tables, buckets = self.tables(), self._data_buckets()
        if not everything:
            return [*tables, *buckets]
        for table in tables:
            self.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)
            self.client("dynamodb").delete_table(TableName=table)
            say(f"deleted {table}")
        for bucket in buckets:
            self._empty(bucket)
            self.client("s3").delete_bucket(Bucket=bucket)
            say(f"deleted {bucket}")
        return []

    def check_room(self) -> None:
        """Raise CloudError where tables that an earlier deployment left stand in the way of a new one."""
        storage = f"{self.prefix}-storage"
        if any(state.name == storage for state in self.states()):
            return
        if left := self.tables():
            raise CloudError(
                f"kept of an earlier deployment: {', '.join(left)}; new tables cannot have their names. Take them "
                "over, tables and buckets, with `npx aws-cdk import Storage`, or remove them with `stratagem cloud "
                "destroy --all`, both with this profile; then deploy again"
            )

    def _lasting(self, states: Sequence[StackState]) -> bool:
        """Whether the tables stay when their stack goes."""
        storage = f"{self.prefix}-storage"
        if not any(state.name == storage for state in states):
            return False
        template = self.client("cloudformation").get_template(StackName=storage)["TemplateBody"]
        tables = [r for r in template["Resources"].values() if r["Type"] == "AWS::DynamoDB::Table"]
        return any(table.get("DeletionPolicy") == "Retain" for table in tables)

    def _log_buckets(self, states: Sequence[StackState]) -> list[str]:
        """The buckets that the stacks' outputs do not name: those of access logs."""
        found = []
        for state in states:
            if state.name.endswith("-storage"):
                resources = self.client("cloudformation").describe_stack_resources(StackName=state.name)
                for resource in resources["StackResources"]:
                    if resource["ResourceType"] == "AWS::S3::Bucket":
                        found.append(resource["PhysicalResourceId"])
        return [bucket for bucket in found if bucket not in self.outputs().values()]

    def tables(self) -> list[str]:
        """The tables that there are, whether a stack has them or not."""
        found = []
        for schema in TABLES:
            name = f"{self.prefix}-{schema.name}"
            try:
                self._call("dynamodb", "describe_table", TableName=name)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                continue
            found.append(name)
        return found

    def _data_buckets(self) -> list[str]:
        """The buckets of models and games, by the names that CloudFormation gives: STACK-RESOURCE-RANDOM."""
        s3 = self.client("s3")
        form = re.compile(rf"{re.escape(self.prefix)}-storage-(models|lake)[0-9a-f]{{8}}-[0-9a-z]+")
        found = [one["Name"] for one in s3.list_buckets()["Buckets"] if form.fullmatch(one["Name"])]
        # Buckets of every region are listed; S3 tells no place for those of us-east-1.
        places = {one: s3.get_bucket_location(Bucket=one)["LocationConstraint"] or "us-east-1" for one in found}
        return [one for one, place in places.items() if place == self.region]

    def _empty(self, bucket: str) -> None:
        """Remove every version of every object."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            rows = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if rows:
                doomed = [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
