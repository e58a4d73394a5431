"""API: ratings, models and matches over HTTP, each a Lambda of the one image, behind an HTTP API."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.access import allow_listing, allow_objects, allow_table
from cdk.acknowledge import acknowledge
from cdk.config import Config
from cdk.stacks.images import Images
from cdk.stacks.network import retention
from cdk.stacks.storage import Storage
from store.names import (
    API_OUTPUT,
    API_PATH,
    CALLER_HEADER,
    CALLER_HEADER_VARIABLE,
    EXPORT_PREFIX,
    HISTORY,
    MATCHES,
    POLICIES,
    POLICY_PREFIX,
    RATINGS,
    RECORD_PREFIX,
)

READ = (gateway.HttpMethod.GET,)
WRITE = (gateway.HttpMethod.POST, gateway.HttpMethod.PUT, gateway.HttpMethod.DELETE)
PUBLIC_WRITES = "anonymous people play: a seat is proved by its token, and the application limits each caller's rate"
PUBLIC_READS = "the ladder, the registry and replays are meant to be read by everybody"


@dataclass(frozen=True)
class Room:
    """A Lambda and what it serves."""

    name: str  # the part of `lambdas.app` and the handler of `lambdas.handlers`
    paths: tuple[str, ...]  # under API_PATH
    memory: int  # MiB; the share of a core grows with it
    seconds: int
    signed: bool  # whether who writes must sign as somebody that IAM lets


RATING_ROOM = Room("ratings", ("ladders", "outcomes"), 512, 15, signed=True)
MODEL_ROOM = Room("models", ("models",), 512, 15, signed=True)
# A whole core: bots think in it.
MATCH_ROOM = Room("matches", ("matches", "options", "replays"), 1769, 20, signed=False)
ROOMS = (RATING_ROOM, MODEL_ROOM, MATCH_ROOM)


class Api(Stack):
    """The HTTP API."""

    def __init__(self, scope: Construct, name: str, config: Config, storage: Storage, images: Images) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-api")
        self.config, self.storage, self.images = config, storage, images
        self.api = gateway.HttpApi(self, "Api", api_name=config.prefix, create_default_stage=False)
        self.functions = {room.name: self._function(room) for room in ROOMS}
        self._allow()
        for room in ROOMS:
            self._route(room)
        self._stage()
        CfnOutput(self, API_OUTPUT, value=self.api.api_endpoint)

    @property
    def domain(self) -> str:
        """The API's host name."""
        return f"{self.api.api_id}.execute-api.{self.region}.{self.url_suffix}"

    def _function(self, room: Room) -> lambda_.Function:
        title = room.name.capitalize()
        group = logs.LogGroup(
            self, f"{title}Logs", retention=retention(self.config), removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{title}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        group.grant_write(role)
        environment = self.storage.names.environment()
        del environment["AWS_REGION"]  # Lambda sets it itself and accepts no other
        environment[CALLER_HEADER_VARIABLE] = CALLER_HEADER
        code = lambda_.DockerImageCode.from_ecr(
            self.images.repositories["lambda"], tag_or_digest=self.images.tag, cmd=[f"lambdas.handlers.{room.name}"]
        )
        return lambda_.DockerImageFunction(
            self,
            title,
            function_name=f"{self.config.prefix}-{room.name}",
            code=code,
            role=role,
            memory_size=room.memory,
            timeout=Duration.seconds(room.seconds),
            environment=environment,
            log_group=group,
        )

    def _role(self, room: Room) -> iam.IRole:
        role = self.functions[room.name].role
        assert role is not None
        return role

    def _allow(self) -> None:
        """Each function's part of the store."""
        storage = self.storage

        def tables(room: Room, *, write: Sequence[str] = (), read: Sequence[str] = ()) -> None:
            for schema in (POLICIES, RATINGS, HISTORY, MATCHES):
                if schema.name in (*write, *read):
                    allow_table(self._role(room), storage.table(schema), schema, write=schema.name in write)

        tables(RATING_ROOM, write=(RATINGS.name, HISTORY.name))
        tables(MODEL_ROOM, write=(POLICIES.name,))
        models = (POLICY_PREFIX, EXPORT_PREFIX)
        allow_objects(self._role(MODEL_ROOM), storage.models, models, ("s3:GetObject", "s3:PutObject"))
        allow_listing(self._role(MODEL_ROOM), storage.models)
        tables(MATCH_ROOM, write=(RATINGS.name, HISTORY.name, MATCHES.name), read=(POLICIES.name,))
        allow_objects(self._role(MATCH_ROOM), storage.models, models, ("s3:GetObject",))
        allow_listing(self._role(MATCH_ROOM), storage.models)
        allow_objects(self._role(MATCH_ROOM), storage.lake, (RECORD_PREFIX,), ("s3:GetObject", "s3:PutObject"))
        allow_listing(self._role(MATCH_ROOM), storage.lake)

    def _route(self, room: Room) -> None:
        title = room.name.capitalize()
        integration = integrations.HttpLambdaIntegration(f"{title}Integration", self.functions[room.name])
        signed = authorizers.HttpIamAuthorizer() if room.signed else None
        for path in room.paths:
            for tail in ("", "/{rest+}"):
                where = f"{API_PATH}/{path}{tail}"
                reads = self.api.add_routes(path=where, methods=list(READ), integration=integration)
                writes = self.api.add_routes(
                    path=where, methods=list(WRITE), integration=integration, authorizer=signed
                )
                for route in reads:
                    acknowledge(route, "APIG4", PUBLIC_READS)
                for route in [] if room.signed else writes:
                    acknowledge(route, "APIG4", PUBLIC_WRITES)

    def _stage(self) -> None:
        """The stage that answers, with its throttle and its access log."""
        group = logs.LogGroup(
            self, "AccessLogs", retention=retention(self.config), removal_policy=RemovalPolicy.DESTROY
        )
        stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=gateway.ThrottleSettings(rate_limit=200, burst_limit=400),
            detailed_metrics_enabled=True,
        )
        low = stage.node.default_child
        assert isinstance(low, gateway.CfnStage)
        told = ("requestId", "requestTime", "httpMethod", "routeKey", "status", "responseLatency")
        line = {name: f"$context.{name}" for name in told} | {
            "ip": "$context.identity.sourceIp",
            "bytes": "$context.responseLength",
        }
        low.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=group.log_group_arn, format=self.to_json_string(line)
        )
