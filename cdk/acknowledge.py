"""cdk-nag's findings that are meant to be so, each with its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(scope: IConstruct, rule: str, reason: str, finding: str = "") -> None:
    """Acknowledge a rule of AwsSolutions for a construct and what is in it; IAM4 and IAM5 need the finding as well."""
    identity = f"AwsSolutions-{rule}" + (f"[{finding}]" if finding else "")
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions::{identity}", reason=reason))
