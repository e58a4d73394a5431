"""A deployment's settings: a profile of cdk.json's context, read into types, with `-c NAME=VALUE` on top."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

CDK_JSON = Path(__file__).resolve().parents[1] / "cdk.json"

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)
"""The lifetimes that CloudWatch Logs knows, up to a year."""


class SettingError(ValueError):
    """A setting that is not accepted; the message names it, the value and what is."""


@dataclass(frozen=True)
class Server:
    """The task that runs `stratagem serve`."""

    cpu: int  # 1024 are a virtual core
    memory: int  # MiB


@dataclass(frozen=True)
class Actors:
    """A task of the actor fleet, and how many there may be."""

    cpu: int
    memory: int  # MiB
    most: int


@dataclass(frozen=True)
class Training:
    """What a training job runs on where its request does not say otherwise."""

    instance: str
    hours: int  # after which SageMaker stops it
    volume: int  # GB of disk


@dataclass(frozen=True)
class Config:
    """All settings of a deployment."""

    profile: str
    prefix: str  # of every name
    server: Server
    actors: Actors
    training: Training
    budget_dollars: int  # a month, of the whole account
    log_days: int
    keep_data: bool  # whether tables, lake and models outlive their stack
    private_subnets: bool = False  # tasks without public addresses, behind interface endpoints that cost by the hour
    nat_gateways: int = 0  # for private subnets whose tasks must reach more than AWS
    certificate: str = ""  # ARN of a certificate in ACM: opens the services to the internet through a TLS listener
    email: str = ""  # that alarms and the ends of trainings are told to
    github: str = ""  # OWNER/REPOSITORY that may push images and deploy
    github_provider_exists: bool = False  # whether the account has GitHub's identity provider, of which there is one
    tag: str = "latest"  # of the images

    def __post_init__(self) -> None:
        if self.log_days not in LOG_DAYS:
            raise SettingError(f"log_days is {self.log_days}; accepted: {', '.join(map(str, LOG_DAYS))}")
        if self.github and self.github.count("/") != 1:
            raise SettingError(f'github is "{self.github}"; accepted: OWNER/REPOSITORY')
        if self.github_provider_exists and not self.github:
            raise SettingError("github_provider_exists is set without github; accepted: both, or neither")
        if self.nat_gateways and not self.private_subnets:
            raise SettingError("nat_gateways is set without private_subnets; accepted: both, or neither")


PARTS: Mapping[str, type] = {"server": Server, "actors": Actors, "training": Training}
OWN = ("prefix", *PARTS)  # a profile's: by its prefix a deployment is found again
CHANGEABLE = tuple(one.name for one in fields(Config) if one.name not in ("profile", *OWN))


def read_context(path: Path = CDK_JSON) -> dict[str, Any]:
    """The context of cdk.json, which the CDK's command line hands over and a plain run of the app reads itself."""
    context: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["context"]
    return context


def config_of(context: Mapping[str, Any]) -> Config:
    """The settings that a context asks for. Raises SettingError."""
    for given in context:
        if given in OWN:
            raise SettingError(
                f'setting "{given}" is the profile\'s own; accepted: a profile of cdk.json that has another'
            )
        # The CDK's own names have other characters in them.
        if re.fullmatch("[a-z_]+", given) and given not in ("profile", "profiles", *CHANGEABLE):
            raise SettingError(f'setting "{given}" is unknown; known: {", ".join(CHANGEABLE)}')
    profiles, name = context["profiles"], context.get("profile", "dev")
    if name not in profiles:
        raise SettingError(f'profile "{name}" is unknown; known: {", ".join(profiles)}')
    values = dict(profiles[name])
    known = {one.name: one.type for one in fields(Config)}
    for setting in values:
        if setting not in known:
            raise SettingError(f'profile {name}: setting "{setting}" is unknown; known: {", ".join(known)}')
    for setting, kind in known.items():
        if setting in context and setting in CHANGEABLE:
            values[setting] = _of_text(setting, context[setting], str(kind))
    for part, kind in PARTS.items():
        try:
            values[part] = kind(**values[part])
        except (KeyError, TypeError) as error:
            raise SettingError(f"profile {name}: {part} is not whole ({error})") from None
    return Config(profile=name, **values)


def _of_text(setting: str, value: Any, kind: str) -> Any:
    """A value of the command line, where everything is text."""
    if not isinstance(value, str) or "str" in kind:
        return value
    if "bool" in kind:
        if value not in ("true", "false"):
            raise SettingError(f'{setting} is "{value}"; accepted: true, false')
        return value == "true"
    if not value.isdigit():
        raise SettingError(f'{setting} is "{value}"; accepted: a whole number')
    return int(value)
