"""The profiles of cdk.json, in what the command line has to know of them."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cloud.assembly import ROOT
from cloud.errors import CloudError
from cloud.prices import Shape

CDK_JSON = ROOT / "cdk.json"


@dataclass(frozen=True)
class Profile:
    """A profile as far as it concerns a person at a terminal."""

    name: str
    prefix: str
    shape: Shape
    cores: int  # virtual ones that its largest fleet and its server take
    github: str = ""  # OWNER/REPOSITORY that may push images and deploy


def load_profile(name: str, path: Path = CDK_JSON) -> Profile:
    """A profile by its name. Raises CloudError."""
    try:
        profiles = json.loads(path.read_text(encoding="utf-8"))["context"]["profiles"]
    except OSError:
        raise CloudError(f"{path} is missing: deploying needs a checkout of the source") from None
    if name not in profiles:
        raise CloudError(f'profile "{name}" is unknown; known: {", ".join(profiles)}')
    told = profiles[name]
    server, actors = told["server"], told["actors"]
    shape = Shape(
        server=(server["cpu"], server["memory"]),
        actors=(actors["cpu"], actors["memory"]),
        most=actors["most"],
        instance=told["training"]["instance"],
        private=told.get("private_subnets", False),
        listener=bool(told.get("certificate")),
    )
    cores = (server["cpu"] + actors["cpu"] * actors["most"]) // 1024
    return Profile(name, told["prefix"], shape, cores, told.get("github", ""))


def check_settings(profile: str, settings: Mapping[str, str]) -> None:
    """Refuse settings that the app would, before it is asked and anything made. Raises CloudError."""
    if str(ROOT) not in sys.path:  # the app is no part of the installed package
        sys.path.append(str(ROOT))
    app = import_module("cdk.config")
    try:
        app.config_of({**app.read_context(), **settings, "profile": profile})
    except app.SettingError as error:
        raise CloudError(f"--set: {error}") from None
