"""A training job by SageMaker's own SDK instead of the training machine: one job, no judge and no promotion.

    pip install sagemaker-train==1.27.0      # nearly 1 GB with what it needs
    python examples/sagemaker_job.py IMAGE ROLE PREFIX BUCKET NAME=VALUE...

IMAGE is the learner's in ECR, ROLE the JobRole's ARN, PREFIX the deployment's, BUCKET its models bucket, as
`stratagem cloud status` tells; NAME=VALUE are hyperparameters, see `learner.sagemaker_entry.Request`.
"""

import sys

from sagemaker.core.shapes import CheckpointConfig, MetricDefinition, OutputDataConfig, StoppingCondition
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute

from store.names import CHECKPOINT_PREFIX, JOB_PREFIX, MODELS_BUCKET_VARIABLE, PREFIX_VARIABLE, TRAINING_METRICS

image, role, prefix, bucket, *settings = sys.argv[1:]
hyperparameters = dict(setting.split("=", 1) for setting in settings)
name = hyperparameters.get("policy", "sagemaker")
trainer = ModelTrainer(
    base_job_name=name,
    role=role,
    training_image=image,
    compute=Compute(
        instance_type="ml.g4dn.xlarge", instance_count=1, volume_size_in_gb=30, enable_managed_spot_training=True
    ),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=7200, max_wait_time_in_seconds=14_400),
    checkpoint_config=CheckpointConfig(s3_uri=f"s3://{bucket}/{CHECKPOINT_PREFIX}{name}"),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/{JOB_PREFIX}"),
    hyperparameters=hyperparameters,
    environment={PREFIX_VARIABLE: prefix, MODELS_BUCKET_VARIABLE: bucket},
)
trainer.with_metric_definitions(
    [MetricDefinition(name=f"stratagem:{one}", regex=rf"\b{one}=([-+.0-9e]+)") for one in TRAINING_METRICS]
)
trainer.train(wait=True)
