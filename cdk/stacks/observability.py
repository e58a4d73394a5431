"""Observability: one dashboard, alarms on what hurts, a budget."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.config import Config
from cdk.stacks.api import Api
from cdk.stacks.services import Services
from cdk.stacks.training import Training
from store.names import PULSE_FIELDS, TRAINING_METRICS

JOBS = "/aws/sagemaker/TrainingJobs"
STALE_VERSIONS = 20
MINUTE, FIVE = Duration.minutes(1), Duration.minutes(5)


class Observability(Stack):
    """What is watched. Every alarm has its paragraph in docs/deploy.md."""

    def __init__(
        self, scope: Construct, name: str, config: Config, services: Services, training: Training, api: Api
    ) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-observability")
        self.config, self.services, self.training, self.api = config, services, training, api
        self._news = actions.SnsAction(training.topic)
        self._let_tell("cloudwatch")
        self.alarms = [
            self._no_progress(),
            self._stale_policies(),
            self._dead_actors(),
            self._no_server(),
            self._failed_trainings(),
            self._api_errors(),
            *self._lambda_errors(),
        ]
        self._dashboard()
        self._budget()

    def _let_tell(self, service: str) -> None:
        """Let a service of this account publish news: a topic with a policy of its own has not SNS's usual one."""
        topic = self.training.topic
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(topic).account}},
            )
        )

    def _alarm(
        self,
        name: str,
        text: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        periods: int,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
        operator: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self.config.prefix}-{name}",
            alarm_description=text,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            treat_missing_data=missing,
            comparison_operator=operator,
        )
        alarm.add_alarm_action(self._news)
        return alarm

    def _no_progress(self) -> cloudwatch.Alarm:
        """A job logs its progress every minute, 0 where it hangs; its metrics carry its name, so all are asked."""
        progress = cloudwatch.MathExpression(
            expression=f'SELECT MAX("stratagem:progress") FROM "{JOBS}"',
            using_metrics={},
            period=FIVE,
            label="progress",
        )
        below = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        text = "A training job runs and has played nothing for 15 minutes."
        return self._alarm("no-learner-progress", text, progress, 1, 3, operator=below)

    def _stale_policies(self) -> cloudwatch.Alarm:
        text = f"Actors play with policies more than {STALE_VERSIONS} versions old."
        return self._alarm("stale-policies", text, self.services.pulse["staleness"], STALE_VERSIONS, 10)

    def _insight(self, name: str, service: str) -> cloudwatch.Metric:
        dimensions = {"ClusterName": self.services.cluster.cluster_name, "ServiceName": service}
        return cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name=name,
            dimensions_map=dimensions,
            statistic="Average",
            period=MINUTE,
        )

    def _missing_tasks(self, service: str) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression="desired - running",
            using_metrics={
                "desired": self._insight("DesiredTaskCount", service),
                "running": self._insight("RunningTaskCount", service),
            },
            period=MINUTE,
            label="missing tasks",
        )

    def _dead_actors(self) -> cloudwatch.Alarm:
        metric = self._missing_tasks(self.services.fleet.service_name)
        return self._alarm("dead-actors", "Actors are wanted that do not run, for 15 minutes.", metric, 1, 15)

    def _no_server(self) -> cloudwatch.Alarm:
        metric = self._missing_tasks(self.services.server.service_name)
        return self._alarm("no-server", "The server does not run, for 5 minutes.", metric, 1, 5)

    def _failed_trainings(self) -> cloudwatch.Alarm:
        metric = self.training.machine.metric_failed(period=FIVE)
        return self._alarm("failed-training", "A training failed; the news tell why.", metric, 1, 1)

    def _api_errors(self) -> cloudwatch.Alarm:
        metric = self.api.api.metric_server_error(period=FIVE, statistic="Sum")
        return self._alarm("api-errors", "The HTTP API answered 5xx at least five times in five minutes.", metric, 5, 1)

    def _lambda_errors(self) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(
                f"lambda-errors-{name}",
                f"The Lambda of {name} failed at least three times in five minutes.",
                function.metric_errors(period=FIVE),
                3,
                1,
            )
            for name, function in self.api.functions.items()
        ]

    def _dashboard(self) -> None:
        """Training first, then the fleet, then the API."""
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self.config.prefix)
        learning = [self._of_jobs(name) for name in TRAINING_METRICS if name != "progress"]
        board.add_widgets(*learning[:4])
        board.add_widgets(*learning[4:])
        fleet = [cloudwatch.GraphWidget(title=name, left=[self.services.pulse[name]], width=6) for name in PULSE_FIELDS]
        board.add_widgets(*fleet)
        functions = self.api.functions.values()
        board.add_widgets(
            cloudwatch.GraphWidget(title="calls", left=[f.metric_invocations() for f in functions], width=8),
            cloudwatch.GraphWidget(
                title="99 % answer within", left=[f.metric_duration(statistic="p99") for f in functions], width=8
            ),
            cloudwatch.GraphWidget(title="errors", left=[f.metric_errors() for f in functions], width=8),
        )
        board.add_widgets(cloudwatch.AlarmStatusWidget(title="alarms", alarms=self.alarms, width=24))

    @staticmethod
    def _of_jobs(name: str) -> cloudwatch.GraphWidget:
        search = cloudwatch.MathExpression(
            expression=f"SEARCH('{{{JOBS},Host}} MetricName=\"stratagem:{name}\"', 'Average')",
            using_metrics={},
            period=MINUTE,
            label="",
        )
        return cloudwatch.GraphWidget(title=name, left=[search], width=6)

    def _budget(self) -> None:
        """Told at 80 % of the month's sum and when the month is likely to end above it.

        It counts the whole account: a budget by tag sees nothing until the tag is activated for billing.
        """
        self._let_tell("budgets")
        topic = self.training.topic
        told = [budgets.CfnBudget.SubscriberProperty(address=topic.topic_arn, subscription_type="SNS")]

        def notice(kind: str, percent: int) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent
                ),
                subscribers=told,
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self.config.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=self.config.budget_dollars, unit="USD"),
            ),
            notifications_with_subscribers=[notice("ACTUAL", 80), notice("FORECASTED", 100)],
        )
