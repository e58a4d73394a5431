"""Storage: the tables, the lake of games with its catalogue, the models, and the log of who read what."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.acknowledge import acknowledge
from cdk.config import Config
from store.names import (
    CHECKPOINT_PREFIX,
    LAKE_COLUMNS,
    LAKE_OUTPUT,
    LAKE_PARTITIONS,
    LAKE_PREFIX,
    MODELS_OUTPUT,
    TABLES,
    Kind,
    Names,
    TableSchema,
)

QUERY_PREFIX = "athena/"
QUERIES = {
    "games-a-day": "SELECT ruleset, date, count(*) AS games FROM games GROUP BY ruleset, date ORDER BY date DESC",
    "longest-games": "SELECT game_id, ruleset, turns, winner FROM games ORDER BY turns DESC LIMIT 100",
    "wins-by-seat": "SELECT ruleset, winner, count(*) AS games FROM games GROUP BY ruleset, winner ORDER BY 1, 2",
}
"""Named queries over the lake, offered in Athena's console."""


class Storage(Stack):
    """What lasts. With `keep_data` the tables, the lake and the models stay when the stack is deleted."""

    def __init__(self, scope: Construct, name: str, config: Config) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-storage")
        self.config = config
        self.removal = RemovalPolicy.RETAIN if config.keep_data else RemovalPolicy.DESTROY
        self.log_bucket = self._log_bucket()
        self.models = self._bucket("Models", versioned=True)
        self.models.add_lifecycle_rule(prefix=CHECKPOINT_PREFIX, expiration=Duration.days(30))
        self.models.add_lifecycle_rule(noncurrent_version_expiration=Duration.days(30))
        self.lake = self._bucket("Lake", versioned=False)
        self._lake_lifecycle()
        self.tables = {schema.name: self._table(schema) for schema in TABLES}
        self._catalogue()
        CfnOutput(self, MODELS_OUTPUT, value=self.models.bucket_name)
        CfnOutput(self, LAKE_OUTPUT, value=self.lake.bucket_name)

    @property
    def names(self) -> Names:
        """The real names, for what runs in the cloud."""
        return Names(self.config.prefix, self.models.bucket_name, self.lake.bucket_name, region=self.region)

    def table(self, schema: TableSchema) -> dynamodb.Table:
        """The table of a schema."""
        return self.tables[schema.name]

    def _bucket(self, name: str, *, versioned: bool) -> s3.Bucket:
        return s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=versioned,
            server_access_logs_bucket=self.log_bucket,
            server_access_logs_prefix=f"{name.lower()}/",
            removal_policy=self.removal,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(2))],
        )

    def _log_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            removal_policy=RemovalPolicy.DESTROY,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(self.config.log_days))],
        )
        acknowledge(bucket, "S1", "this bucket takes the access logs; logging its own would never end")
        return bucket

    def _lake_lifecycle(self) -> None:
        """Games grow cold; answers of queries go. What waits for the lake is removed by the server's keeper alone."""
        self.lake.add_lifecycle_rule(
            prefix=LAKE_PREFIX,
            transitions=[
                s3.Transition(storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(30))
            ],
        )
        self.lake.add_lifecycle_rule(prefix=QUERY_PREFIX, expiration=Duration.days(7))

    def _table(self, schema: TableSchema) -> dynamodb.Table:
        kinds = {Kind.TEXT: dynamodb.AttributeType.STRING, Kind.NUMBER: dynamodb.AttributeType.NUMBER}

        def attribute(name: str, kind: Kind) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=name, type=kinds[kind])

        table = dynamodb.Table(
            self,
            schema.name.capitalize(),
            table_name=f"{self.config.prefix}-{schema.name}",
            partition_key=attribute(schema.partition.name, schema.partition.kind),
            sort_key=attribute(schema.sort.name, schema.sort.kind),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=schema.expiry,
            deletion_protection=self.config.keep_data,
            removal_policy=self.removal,
        )
        for index in schema.indexes:
            table.add_global_secondary_index(
                index_name=index.name,
                partition_key=attribute(index.partition.name, index.partition.kind),
                sort_key=attribute(index.sort.name, index.sort.kind),
                projection_type=dynamodb.ProjectionType.ALL,
            )
        return table

    def _catalogue(self) -> None:
        """The lake as a table of SQL; partitions are reckoned from their names, so no crawler is paid."""
        place = self.lake.s3_url_for_object(LAKE_PREFIX.rstrip("/"))
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(name=self.config.prefix.replace("-", "_")),
        )
        columns = [glue.CfnTable.ColumnProperty(name=c.name, type=c.type, comment=c.about) for c in LAKE_COLUMNS]
        partitions = [glue.CfnTable.ColumnProperty(name=c.name, type=c.type) for c in LAKE_PARTITIONS]
        table = glue.CfnTable(
            self,
            "LakeGames",
            catalog_id=self.account,
            database_name=database.ref,
            table_input=glue.CfnTable.TableInputProperty(
                name="games",
                table_type="EXTERNAL_TABLE",
                partition_keys=partitions,
                parameters={
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.ruleset.type": "enum",
                    "projection.ruleset.values": "classic,generalsio,competition",
                    "projection.date.type": "date",
                    "projection.date.format": "yyyy-MM-dd",
                    "projection.date.range": "2014-01-01,NOW",
                    "storage.location.template": f"{place}/ruleset=${{ruleset}}/date=${{date}}",
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=columns,
                    location=f"{place}/",
                    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )
        table.add_resource_dependency(database)
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=self.config.prefix,
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                bytes_scanned_cutoff_per_query=100 * 1024**3,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=self.lake.s3_url_for_object(QUERY_PREFIX),
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_S3"
                    ),
                ),
            ),
        )
        for name, text in QUERIES.items():
            query = athena.CfnNamedQuery(
                self,
                "".join(part.capitalize() for part in name.split("-")),
                database=database.ref,
                work_group=self.config.prefix,
                name=name,
                query_string=text,
            )
            query.add_resource_dependency(workgroup)
