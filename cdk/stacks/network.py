"""Network: a VPC over two zones, S3 and DynamoDB by gateway endpoints, nothing inbound from outside."""

from collections.abc import Mapping

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.acknowledge import acknowledge
from cdk.config import Config
from store.names import METRICS_PORT, SERVICE_PORT

ZONES = 2
TLS_PORT = 443
AWS_SERVICES = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrImages": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "States": ec2.InterfaceVpcEndpointAwsService.STEP_FUNCTIONS,
}
"""What tasks without a way out need of AWS: their images, their logs, word to the state machine."""


class Network(Stack):
    """The VPC and the security groups of its tasks.

    Tasks stand in public subnets with an address of their own and nothing inbound: that costs no NAT gateway. With
    `private_subnets` they have none, and reach AWS through interface endpoints (and NAT gateways, if asked for).
    """

    def __init__(self, scope: Construct, name: str, config: Config) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-network")
        self.config = config
        kind = ec2.SubnetType.PUBLIC
        if config.private_subnets:
            kind = ec2.SubnetType.PRIVATE_WITH_EGRESS if config.nat_gateways else ec2.SubnetType.PRIVATE_ISOLATED
        layout = [ec2.SubnetConfiguration(name="tasks", subnet_type=kind, cidr_mask=20)]
        if config.private_subnets and (config.nat_gateways or config.certificate):
            edge = ec2.SubnetConfiguration(name="edge", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24)
            layout.append(edge)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=ZONES,
            nat_gateways=config.nat_gateways,
            subnet_configuration=layout,
            restrict_default_security_group=False,
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDB": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        self.tasks = ec2.SubnetSelection(subnet_group_name="tasks")
        self._flow_log()
        if config.private_subnets:
            self._endpoints(AWS_SERVICES)
        if config.private_subnets and config.certificate:  # the services' token
            self._endpoints({"Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER})
        self.server_group = self._group("Server", "stratagem serve")
        self.actor_group = self._group("Actor", "stratagem actor, and the judge of new policies")
        self.learner_group = self._group("Learner", "training jobs")
        self.server_group.add_ingress_rule(self.actor_group, ec2.Port.tcp(SERVICE_PORT), "gRPC")
        self.server_group.add_ingress_rule(self.server_group, ec2.Port.tcp(METRICS_PORT), "metrics, for a scraper here")
        self.balancer_group = self._balancer_group() if config.certificate else None

    @property
    def public_address(self) -> bool:
        """Whether tasks have an address of their own, without which they reach nothing from a public subnet."""
        return not self.config.private_subnets

    def _group(self, name: str, of: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, f"{name}Group", vpc=self.vpc, description=of, allow_all_outbound=True)

    def _balancer_group(self) -> ec2.SecurityGroup:
        """The TLS listener's: open to the world, and let through to the server alone."""
        group = ec2.SecurityGroup(
            self,
            "BalancerGroup",
            vpc=self.vpc,
            description="TLS listener of the services",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(TLS_PORT), "gRPC over TLS")
        group.add_egress_rule(self.server_group, ec2.Port.tcp(SERVICE_PORT), "gRPC, and the checks of health")
        self.server_group.add_ingress_rule(group, ec2.Port.tcp(SERVICE_PORT), "gRPC from the TLS listener")
        acknowledge(group, "EC23", "clients on the internet are what this listener is asked for; it speaks TLS alone")
        return group

    def _flow_log(self) -> None:
        group = logs.LogGroup(
            self,
            "FlowLogGroup",
            retention=retention(self.config),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    def _endpoints(self, services: Mapping[str, ec2.InterfaceVpcEndpointAwsService]) -> None:
        for name, service in services.items():
            endpoint = self.vpc.add_interface_endpoint(name, service=service, subnets=self.tasks)
            acknowledge(
                endpoint,
                "EC23",
                "the group lets in the VPC's own range alone; the rule cannot read a range that is a reference",
            )


def retention(config: Config) -> logs.RetentionDays:
    """How long logs are kept."""
    return RETENTION[config.log_days]


RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
