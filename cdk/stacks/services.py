"""Services: the server of games, experience, models and ratings, and the fleet of actors that plays for the learner."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_servicediscovery as discovery
from constructs import Construct

from cdk.access import allow_batches, allow_listing, allow_objects, allow_table
from cdk.acknowledge import acknowledge
from cdk.config import Config
from cdk.stacks.images import Images
from cdk.stacks.network import TLS_PORT, Network, retention
from cdk.stacks.storage import Storage
from store.names import (
    CLUSTER_OUTPUT,
    EXPORT_PREFIX,
    FLEET_OUTPUT,
    GAMES,
    HISTORY,
    LAKE_PREFIX,
    MATCHES,
    METRICS_PORT,
    POLICIES,
    POLICY_PREFIX,
    PULSE,
    PULSE_FIELDS,
    RATINGS,
    RECORD_PREFIX,
    SERVER_VARIABLE,
    SERVICE_OUTPUT,
    SERVICE_PORT,
    TOKEN_VARIABLE,
    WAITING_PREFIX,
)

PLATFORM = ecs.FargatePlatformVersion.VERSION1_4
STOP_SECONDS = 115  # a Spot task is gone two minutes after its warning


class Services(Stack):
    """The ECS cluster and what runs in it."""

    def __init__(
        self, scope: Construct, name: str, config: Config, network: Network, storage: Storage, images: Images
    ) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-services")
        self.config, self.network, self.storage, self.images = config, network, storage, images
        self.namespace = discovery.PrivateDnsNamespace(
            self, "Namespace", name=f"{config.prefix}.internal", vpc=network.vpc
        )
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            enable_fargate_capacity_providers=True,
        )
        self.token = self._token() if config.certificate else None
        self.server_logs = self.log_group("ServerLogs")
        self.pulse = {field: self._pulse_metric(field) for field in PULSE_FIELDS}
        self.server = self._server()
        self.address = f"server.{config.prefix}.internal:{SERVICE_PORT}"
        self.fleet = self._fleet()
        if config.certificate:
            self._listener()
        CfnOutput(self, CLUSTER_OUTPUT, value=self.cluster.cluster_name)
        CfnOutput(self, FLEET_OUTPUT, value=self.fleet.service_name)
        CfnOutput(self, SERVICE_OUTPUT, value=self.address)

    def log_group(self, name: str) -> logs.LogGroup:
        """A log that is kept for the profile's days."""
        return logs.LogGroup(self, name, retention=retention(self.config), removal_policy=RemovalPolicy.DESTROY)

    def task(self, name: str, cpu: int, memory: int) -> ecs.FargateTaskDefinition:
        """A task definition whose role may do nothing yet, and whose images and logs the execution role reaches."""
        definition = ecs.FargateTaskDefinition(self, f"{name}Task", cpu=cpu, memory_limit_mib=memory)
        execution = definition.obtain_execution_role()
        acknowledge(
            execution,
            "IAM5",
            "ecr:GetAuthorizationToken knows no resource; pulling is allowed from the one repository",
            "Resource::*",
        )
        return definition

    def secrets(self) -> dict[str, ecs.Secret]:
        """The token for a container, where the services ask for one."""
        return {TOKEN_VARIABLE: ecs.Secret.from_secrets_manager(self.token)} if self.token else {}

    def _token(self) -> secretsmanager.Secret:
        """The bearer token of the services once they can be reached from the internet."""
        secret = secretsmanager.Secret(
            self,
            "Token",
            description="bearer token of the services",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=48),
        )
        acknowledge(secret, "SMG4", "clients outside hold a copy; whoever turns it over hands out the new one")
        return secret

    def _pulse_metric(self, field: str) -> cloudwatch.Metric:
        """A number of the server's minutely line as a metric."""
        made = self.server_logs.add_metric_filter(
            field.capitalize(),
            filter_pattern=logs.FilterPattern.string_value("$.event", "=", PULSE),
            metric_namespace=self.config.prefix,
            metric_name=field,
            metric_value=f"$.{field}",
        )
        return made.metric(period=Duration.minutes(1), statistic="Maximum")

    def _server(self) -> ecs.FargateService:
        definition = self.task("Server", self.config.server.cpu, self.config.server.memory)
        role, storage = definition.task_role, self.storage
        for schema in (POLICIES, RATINGS, HISTORY, GAMES, MATCHES):
            allow_table(role, storage.table(schema), schema, write=True)
        allow_batches(role, storage.table(GAMES))  # the lake's marks
        allow_objects(role, storage.models, (POLICY_PREFIX, EXPORT_PREFIX), ("s3:GetObject", "s3:PutObject"))
        kept = (WAITING_PREFIX, RECORD_PREFIX, LAKE_PREFIX)
        allow_objects(role, storage.lake, kept, ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"))
        allow_listing(role, storage.models)
        allow_listing(role, storage.lake)
        definition.add_container(
            "server",
            image=self.images.container("server"),
            command=["serve", "--listen", f"0.0.0.0:{SERVICE_PORT}", "--metrics", f"0.0.0.0:{METRICS_PORT}"],
            environment=self.storage.names.environment(),
            secrets=self.secrets(),
            logging=ecs.LogDrivers.aws_logs(stream_prefix="server", log_group=self.server_logs),
            port_mappings=[
                ecs.PortMapping(container_port=SERVICE_PORT),
                ecs.PortMapping(container_port=METRICS_PORT),
            ],
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "/app/health.py", "grpc", str(SERVICE_PORT)],
                interval=Duration.seconds(15),
                timeout=Duration.seconds(5),
                retries=3,
                start_period=Duration.seconds(120),
            ),
            stop_timeout=Duration.seconds(STOP_SECONDS),
        )
        self._plain_settings(definition)
        return ecs.FargateService(
            self,
            "Server",
            cluster=self.cluster,
            task_definition=definition,
            desired_count=1,
            # Two servers would not know of each other's games and tables: the old one ends before the new one starts.
            min_healthy_percent=0,
            max_healthy_percent=100,
            platform_version=PLATFORM,
            security_groups=[self.network.server_group],
            vpc_subnets=self.network.tasks,
            assign_public_ip=self.network.public_address,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            cloud_map_options=ecs.CloudMapOptions(
                name="server",
                cloud_map_namespace=self.namespace,
                dns_record_type=discovery.DnsRecordType.A,
                dns_ttl=Duration.seconds(10),
            ),
        )

    def _fleet(self) -> ecs.FargateService:
        """Actors on Spot, with on-demand tasks where Spot has none; no task stands until a training asks for some."""
        definition = self.task("Actor", self.config.actors.cpu, self.config.actors.memory)
        definition.add_container(
            "actor",
            image=self.images.container("actor"),
            environment=self.storage.names.environment() | {SERVER_VARIABLE: self.address},
            secrets=self.secrets(),
            logging=ecs.LogDrivers.aws_logs(stream_prefix="actor", log_group=self.log_group("ActorLogs")),
            # No check of health: one that asks for the server would have the whole fleet replaced when that restarts.
            stop_timeout=Duration.seconds(STOP_SECONDS),
        )
        self._plain_settings(definition)
        service = ecs.FargateService(
            self,
            "Actors",
            cluster=self.cluster,
            task_definition=definition,
            desired_count=0,
            min_healthy_percent=0,
            max_healthy_percent=100,
            platform_version=PLATFORM,
            security_groups=[self.network.actor_group],
            vpc_subnets=self.network.tasks,
            assign_public_ip=self.network.public_address,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=4),
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1),
            ],
        )
        target = service.auto_scale_task_count(min_capacity=0, max_capacity=self.config.actors.most)
        # The rate limiter lets samples wait: the fleet is too small. None waits for long: it is larger than needed.
        target.scale_on_metric(
            "Hunger",
            metric=self.pulse["hunger"],
            adjustment_type=scaling.AdjustmentType.PERCENT_CHANGE_IN_CAPACITY,
            min_adjustment_magnitude=1,
            evaluation_periods=3,
            cooldown=Duration.minutes(3),
            scaling_steps=[
                scaling.ScalingInterval(upper=1, change=-10),
                scaling.ScalingInterval(lower=1, upper=10, change=0),
                scaling.ScalingInterval(lower=10, upper=100, change=+25),
                scaling.ScalingInterval(lower=100, change=+100),
            ],
        )
        return service

    def _listener(self) -> None:
        """The services for clients on the internet: TLS ends at the balancer, every call needs a token."""
        public = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
        assert self.network.balancer_group is not None
        balancer = elb.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=self.network.vpc,
            internet_facing=True,
            vpc_subnets=public,
            security_groups=[self.network.balancer_group],
        )
        acknowledge(balancer, "ELB2", "a network balancer logs TLS handshakes alone; the server logs every call")
        listener = balancer.add_listener(
            "Tls",
            port=TLS_PORT,
            protocol=elb.Protocol.TLS,
            ssl_policy=elb.SslPolicy.TLS13_RES,
            alpn_policy=elb.AlpnPolicy.HTTP2_ONLY,
            certificates=[elb.ListenerCertificate.from_arn(self.config.certificate)],
        )
        listener.add_targets("Server", port=SERVICE_PORT, protocol=elb.Protocol.TCP, targets=[self.server])

    @staticmethod
    def _plain_settings(definition: ecs.FargateTaskDefinition) -> None:
        acknowledge(definition, "ECS2", "names of tables and buckets are no secrets, and there is nothing else in it")


def allow_reading_policies(role: iam.IRole, storage: Storage) -> None:
    """Let a role read the registry and the weights."""
    allow_table(role, storage.table(POLICIES), POLICIES, write=False)
    allow_objects(role, storage.models, (POLICY_PREFIX,), ("s3:GetObject",))
    allow_listing(role, storage.models)
