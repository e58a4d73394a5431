"""Images: a registry for each image of docker/."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from cdk.config import Config
from store.names import IMAGES

KEPT_IMAGES = 20  # of each kind that expires
# The kinds: "main-..." of each push to main, and "code-..." of `stratagem cloud deploy`, whose newest are deployed.
# Releases "v..." are few and stay.
EXPIRING = ("main-*", "code-*")


class Images(Stack):
    """One repository an image; it goes with its images, which can be built again from the source."""

    def __init__(self, scope: Construct, name: str, config: Config) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-images")
        self.tag = config.tag
        self.repositories = {image: self._repository(config, image) for image in IMAGES}

    def _repository(self, config: Config, image: str) -> ecr.Repository:
        return ecr.Repository(
            self,
            image.capitalize(),
            repository_name=f"{config.prefix}/{image}",
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.AES_256,
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                ecr.LifecycleRule(rule_priority=1, max_image_age=Duration.days(7), tag_status=ecr.TagStatus.UNTAGGED),
                *(
                    ecr.LifecycleRule(
                        rule_priority=priority,
                        tag_status=ecr.TagStatus.TAGGED,
                        tag_pattern_list=[pattern],
                        max_image_count=KEPT_IMAGES,
                    )
                    for priority, pattern in enumerate(EXPIRING, 2)
                ),
            ],
        )

    def container(self, image: str) -> ecs.ContainerImage:
        """An image as a task's container runs it."""
        return ecs.ContainerImage.from_ecr_repository(self.repositories[image], self.tag)
