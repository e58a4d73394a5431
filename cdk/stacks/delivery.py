"""Delivery: GitHub Actions may push images and deploy, by OpenID Connect and without any key that lasts."""

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.access import add
from cdk.acknowledge import acknowledge
from cdk.config import Config
from cdk.stacks.images import Images
from store.names import TABLES

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
BOOTSTRAP_ROLES = ("deploy", "file-publishing", "lookup")
QUALIFIER = "hnb659fds"  # of the bootstrap stack


class Delivery(Stack):
    """Two roles for one repository: its main branch pushes images, its release tags deploy."""

    def __init__(self, scope: Construct, name: str, config: Config, images: Images) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-delivery")
        self.provider_arn = self._known_provider() if config.github_provider_exists else self._new_provider(config)
        refs = (f"repo:{config.github}:ref:refs/heads/main", f"repo:{config.github}:ref:refs/tags/v*")
        self.builder = self._role("Builder", f"{config.prefix}-builder", refs)
        self._pushing(images)
        self.deployer = self._role("Deployer", f"{config.prefix}-deployer", refs[1:])
        self._deploying(config, images)
        CfnOutput(self, "BuilderRole", value=self.builder.role_arn)
        CfnOutput(self, "DeployerRole", value=self.deployer.role_arn)

    def _new_provider(self, config: Config) -> str:
        made = iam.OidcProviderNative(
            self, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE], oidc_provider_name=f"{config.prefix}-github"
        )
        return made.oidc_provider_arn

    def _known_provider(self) -> str:
        """Its ARN follows from its address: an account has one at most."""
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{ISSUER}"

    def _role(self, name: str, role_name: str, subjects: tuple[str, ...]) -> iam.Role:
        conditions = {
            "StringEquals": {f"{ISSUER}:aud": AUDIENCE},
            "StringLike": {f"{ISSUER}:sub": list(subjects)},
        }
        principal = iam.WebIdentityPrincipal(self.provider_arn, conditions)
        return iam.Role(self, name, role_name=role_name, assumed_by=principal, max_session_duration=Duration.hours(1))

    def _pushing(self, images: Images) -> None:
        actions = (
            "BatchCheckLayerAvailability",
            "BatchGetImage",
            "CompleteLayerUpload",
            "DescribeImages",
            "GetDownloadUrlForLayer",
            "InitiateLayerUpload",
            "PutImage",
            "UploadLayerPart",
        )
        repositories = [repository.repository_arn for repository in images.repositories.values()]
        add(self.builder, [f"ecr:{action}" for action in actions], repositories)
        add(self.builder, ("ecr:GetAuthorizationToken",), ["*"])
        acknowledge(self.builder, "IAM5", "ecr:GetAuthorizationToken knows no resource", "Resource::*")

    def _deploying(self, config: Config, images: Images) -> None:
        """What `cdk deploy` does it does as the bootstrap's roles; the rest is to look where a deployment stands.

        The page's files are the stack's that has their bucket: this one is made before any image is pushed.
        """
        roles = [
            f"arn:{self.partition}:iam::{self.account}:role/cdk-{QUALIFIER}-{role}-role-{self.account}-{self.region}"
            for role in BOOTSTRAP_ROLES
        ]
        add(self.deployer, ("sts:AssumeRole",), roles)
        here = f"{self.region}:{self.account}"
        stacks = f"arn:{self.partition}:cloudformation:{here}:stack/{config.prefix}-*/*"
        add(self.deployer, ("cloudformation:DescribeStacks",), [stacks])
        bootstrap = f"arn:{self.partition}:ssm:{here}:parameter/cdk-bootstrap/{QUALIFIER}/version"
        add(self.deployer, ("ssm:GetParameter",), [bootstrap])
        tables = [f"arn:{self.partition}:dynamodb:{here}:table/{config.prefix}-{schema.name}" for schema in TABLES]
        add(self.deployer, ("dynamodb:DescribeTable",), tables)
        repositories = [repository.repository_arn for repository in images.repositories.values()]
        add(self.deployer, ("ecr:DescribeImages",), repositories)
        where = f"arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/{config.prefix}-*/*"
        acknowledge(self.deployer, "IAM5", "AWS ends a stack's ARN with an id that it draws", f"Resource::{where}")
