"""AWS on this machine: moto as one server, with what its CloudFormation passes over.

moto skips types of resource that it does not know and then fails at whatever refers to them. Those of the stacks are
given here an id and the attributes that others refer to; they do nothing else. What the code works with (buckets,
tables, roles, functions, the cluster, the training machine) is moto's own.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel
from moto.ec2.models.route_tables import RouteTable

from store.local import LocalStore

RECORDED = (
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Athena::NamedQuery",
    "AWS::Athena::WorkGroup",
    "AWS::Budgets::Budget",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::IAM::OIDCProvider",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",  # moto's would deny all: it does not read the conditions
    "AWS::SNS::TopicPolicy",
    "AWS::ServiceDiscovery::PrivateDnsNamespace",
    "AWS::ServiceDiscovery::Service",
)


class Recorded:
    """A resource of which only the id, the properties and the attributes are known."""

    kind = ""

    def __init__(self, name: str, properties: dict[str, Any], account: str, region: str) -> None:
        self.physical_resource_id = f"{name[:40].lower()}-{uuid.uuid4().hex[:8]}"
        self.properties, self._account, self._region = properties, account, region

    @staticmethod
    def cloudformation_name_type() -> str:
        """None has a name of its own."""
        return ""

    @classmethod
    def cloudformation_type(cls) -> str:
        """The type that stands in a template."""
        return cls.kind

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Every attribute is answered."""
        return True

    def get_cfn_attribute(self, attribute: str) -> str:
        """An attribute that looks as AWS's would."""
        if attribute == "ApiEndpoint":
            return f"https://{self.physical_resource_id}.execute-api.{self._region}.amazonaws.com"
        if attribute == "DomainName":
            return f"{self.physical_resource_id}.cloudfront.net"
        if attribute.lower().endswith("arn"):
            service = self.kind.split("::")[1].lower()
            return f"arn:aws:{service}:{self._region}:{self._account}:{self.physical_resource_id}"
        return self.physical_resource_id

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **kwargs: Any
    ) -> "Recorded":
        """Record a resource."""
        return cls(resource_name, cloudformation_json["Properties"], account_id, region_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "Recorded",
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> "Recorded":
        """Record its new properties."""
        original_resource.properties = cloudformation_json["Properties"]
        return original_resource

    def delete(self, account_id: str, region_name: str) -> None:
        """Nothing to do."""

    def is_created(self) -> bool:
        """At once."""
        return True


def register() -> None:
    """Let moto's CloudFormation know the types above; once a process."""
    known = {model.cloudformation_type() for model in CloudFormationModel.__subclasses__()}
    for kind in RECORDED:
        if kind not in known:  # moto takes direct subclasses alone, and keeps no reference to them
            _MODELS.append(type(kind.replace("::", ""), (Recorded, CloudFormationModel), {"kind": kind}))
    RouteTable.delete = _delete_route_table  # moto leaves them, and a VPC with route tables cannot be deleted
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


_MODELS: list[type] = []


def _delete_route_table(table: Any, account_id: str, region_name: str) -> None:
    table.ec2_backend.delete_route_table(table.id)


@contextmanager
def local_cloud(port: int = 0) -> Iterator[str]:
    """The endpoint of an AWS on this machine, for as long as the context lasts; what is in it goes with it."""
    register()
    server = LocalStore(port)
    server.start()
    try:
        yield server.endpoint
    finally:
        server.stop()
