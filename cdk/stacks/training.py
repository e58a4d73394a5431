"""Training: the role and the machine that start a training job, judge its policy and promote it."""

import json
from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.access import add, allow_listing, allow_objects, allow_table
from cdk.acknowledge import acknowledge
from cdk.config import Config
from cdk.stacks.images import Images
from cdk.stacks.machine import Places, machine
from cdk.stacks.network import Network, retention
from cdk.stacks.services import Services, allow_reading_policies
from cdk.stacks.storage import Storage
from store.names import (
    CHECKPOINT_PREFIX,
    JOB_PREFIX,
    MACHINE_OUTPUT,
    POLICIES,
    POLICY_PREFIX,
    TOPIC_OUTPUT,
)

JUDGE_COMMAND = ["python", "-m", "learner.judge"]
JUDGE_CPU, JUDGE_MEMORY = 2048, 4096


class Training(Stack):
    """What `stratagem cloud train` starts."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        config: Config,
        network: Network,
        storage: Storage,
        images: Images,
        services: Services,
    ) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-training")
        self.config, self.network, self.storage, self.images, self.services = config, network, storage, images, services
        self.topic = self._topic()
        self.role = self._job_role()
        self.judge = self._judge()
        self.machine = self._machine()
        CfnOutput(self, MACHINE_OUTPUT, value=self.machine.state_machine_arn)
        CfnOutput(self, TOPIC_OUTPUT, value=self.topic.topic_arn)

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(self, "News", display_name=f"Stratagem {self.config.prefix}", enforce_ssl=True)
        if self.config.email:
            topic.add_subscription(subscriptions.EmailSubscription(self.config.email))
        return topic

    def _job_role(self) -> iam.Role:
        """What a training job may do: its image, its log and metrics, its checkpoints, the registry."""
        role = iam.Role(self, "JobRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        allow_table(role, self.storage.table(POLICIES), POLICIES, write=True)
        models = self.storage.models
        own = (POLICY_PREFIX, CHECKPOINT_PREFIX, JOB_PREFIX)
        allow_objects(role, models, own, ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"))
        allow_listing(role, models)
        log = f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:/aws/sagemaker/TrainingJobs*"
        add(
            role, ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"), [log]
        )
        metrics = iam.PolicyStatement(actions=["cloudwatch:PutMetricData"], resources=["*"])
        metrics.add_condition("StringEquals", {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"})
        role.add_to_principal_policy(metrics)
        pull = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        add(role, pull, [self.images.repositories["learner"].repository_arn])
        add(role, ("ecr:GetAuthorizationToken",), ["*"])
        add(role, INTERFACES, ["*"])  # a job in a VPC makes its network interfaces itself
        stars = (
            "PutMetricData knows no resource, its namespace is fixed; GetAuthorizationToken knows none; the network "
            "interfaces of a job in a VPC have no names beforehand"
        )
        acknowledge(role, "IAM5", stars, "Resource::*")
        where = (
            "Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/sagemaker/TrainingJobs*"
        )
        acknowledge(role, "IAM5", "a job's log stream carries the name of the job", where)
        return role

    def _judge(self) -> ecs.FargateTaskDefinition:
        """The task that plays a new policy against the champion."""
        definition = ecs.FargateTaskDefinition(self, "JudgeTask", cpu=JUDGE_CPU, memory_limit_mib=JUDGE_MEMORY)
        group = logs.LogGroup(self, "JudgeLogs", retention=retention(self.config), removal_policy=RemovalPolicy.DESTROY)
        definition.add_container(
            "judge",
            image=self.images.container("actor"),
            entry_point=JUDGE_COMMAND,
            environment=self.storage.names.environment(),
            logging=ecs.LogDrivers.aws_logs(stream_prefix="judge", log_group=group),
            stop_timeout=Duration.seconds(30),
        )
        allow_reading_policies(definition.task_role, self.storage)
        execution = definition.obtain_execution_role()
        reason = "ecr:GetAuthorizationToken knows no resource; pulling is allowed from the one repository"
        acknowledge(execution, "IAM5", reason, "Resource::*")
        acknowledge(definition, "ECS2", "names of tables and buckets are no secrets, and there is nothing else in it")
        return definition

    def _machine(self) -> sfn.CfnStateMachine:
        role = self._machine_role()
        group = logs.LogGroup(
            self,
            "MachineLogs",
            log_group_name=f"/aws/vendedlogs/states/{self.config.prefix}-training",
            retention=retention(self.config),
            removal_policy=RemovalPolicy.DESTROY,
        )
        made = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=f"{self.config.prefix}-training",
            # Not `to_json_string`: it leaves out what is null, and a ResultPath of null keeps a state's input.
            definition_body=sfn.DefinitionBody.from_string(json.dumps(self.definition())),
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        # Only the machine's own executions can be answered, whoever holds a token.
        answer = ("states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess")
        add(self.judge.task_role, answer, [self._machine_arn()])
        return made

    def _machine_arn(self) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.account}:stateMachine:{self.config.prefix}-training"

    def definition(self) -> dict[str, Any]:
        """The machine's states, with the deployed things in their places."""
        storage, services, network = self.storage, self.services, self.network
        subnets = network.vpc.select_subnets(subnet_group_name="tasks").subnet_ids
        return machine(
            Places(
                region=self.region,
                partition=self.partition,
                image=self.images.repositories["learner"].repository_uri_for_tag(self.config.tag),
                training_role=self.role.role_arn,
                subnets=subnets,
                learner_group=network.learner_group.security_group_id,
                models_bucket=storage.models.bucket_name,
                environment=storage.names.environment(),
                volume=self.config.training.volume,
                hours=self.config.training.hours,
                cluster=services.cluster.cluster_name,
                fleet=services.fleet.service_name,
                fleet_most=self.config.actors.most,
                judge_task=self.judge.task_definition_arn,
                actor_group=network.actor_group.security_group_id,
                public_address=network.public_address,
                policies_table=storage.table(POLICIES).table_name,
                topic=self.topic.topic_arn,
            )
        )

    def _machine_role(self) -> iam.Role:
        """What the machine may do: the jobs of any name, the fleet, the judge, the alias, the news."""
        role = iam.Role(self, "MachineRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        here = f"{self.region}:{self.account}"
        jobs = f"arn:{self.partition}:sagemaker:{here}:training-job/*"
        job_actions = ("AddTags", "CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob")
        add(role, [f"sagemaker:{action}" for action in job_actions], [jobs])
        rule = f"arn:{self.partition}:events:{here}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
        add(role, ("events:DescribeRule", "events:PutRule", "events:PutTargets"), [rule])
        handed = [self.role.role_arn, self.judge.task_role.role_arn, self.judge.obtain_execution_role().role_arn]
        passing = iam.PolicyStatement(actions=["iam:PassRole"], resources=handed)
        services = ["sagemaker.amazonaws.com", "ecs-tasks.amazonaws.com"]
        passing.add_condition("StringEquals", {"iam:PassedToService": services})
        role.add_to_principal_policy(passing)
        add(role, ("ecs:RunTask",), [self.judge.task_definition_arn])
        add(role, ("ecs:UpdateService",), [self.services.fleet.service_arn])
        target = f"arn:{self.partition}:application-autoscaling:{here}:scalable-target/*"
        add(role, ("application-autoscaling:RegisterScalableTarget",), [target])
        add(role, ("dynamodb:UpdateItem",), [self.storage.table(POLICIES).table_arn])
        add(role, ("sns:Publish",), [self.topic.topic_arn])
        here = "<AWS::Region>:<AWS::AccountId>"
        acknowledge(
            role,
            "IAM5",
            "training jobs are named by whoever starts them",
            f"Resource::arn:<AWS::Partition>:sagemaker:{here}:training-job/*",
        )
        acknowledge(
            role,
            "IAM5",
            "AWS gives a scalable target an id that is not known beforehand",
            f"Resource::arn:<AWS::Partition>:application-autoscaling:{here}:scalable-target/*",
        )
        acknowledge(role, "IAM5", "tracing and the delivery of logs know no resource", "Resource::*")
        return role


INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
