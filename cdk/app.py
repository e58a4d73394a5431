"""The CDK app: `cdk synth`, or `python cdk/app.py`, which needs neither credentials nor Docker.

-c profile=dev|small|large    which profile of cdk.json
-c NAME=VALUE                 another value for one of its settings, see `cdk.config`
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# The interpreter of the constructs greets with a banner of 12 lines where Node is past its last day.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App, DefaultStackSynthesizer, Tags, Validations  # noqa: E402
from cdk_nag import AwsSolutionsChecks  # noqa: E402

from cdk.config import Config, SettingError, config_of, read_context  # noqa: E402
from cdk.stacks.api import Api  # noqa: E402
from cdk.stacks.delivery import Delivery  # noqa: E402
from cdk.stacks.images import Images  # noqa: E402
from cdk.stacks.network import Network  # noqa: E402
from cdk.stacks.observability import Observability  # noqa: E402
from cdk.stacks.services import Services  # noqa: E402
from cdk.stacks.storage import Storage  # noqa: E402
from cdk.stacks.training import Training  # noqa: E402
from cdk.stacks.web import Web  # noqa: E402

OUTPUT = ROOT / "build" / "cdk.out"


@dataclass(frozen=True)
class Stratagem:
    """The app and its stacks."""

    app: App
    config: Config
    network: Network
    storage: Storage
    images: Images
    services: Services
    training: Training
    api: Api
    web: Web
    observability: Observability
    delivery: Delivery | None  # without `github` there is nobody to let in


def build(context: Mapping[str, Any] | None = None, output: Path = OUTPUT) -> Stratagem:
    """The app with cdk.json's context, and `context` on top of it. Raises SettingError."""
    app = App(
        context={**read_context(), **(context or {})},
        outdir=os.environ.get("CDK_OUTDIR", str(output)),
        # A bootstrap that is missing or too old is told of by `stratagem cloud doctor` and by the CDK's command line.
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        analytics_reporting=False,
    )
    config = config_of({name: value for name, value in app.node.get_all_context().items() if value})
    network = Network(app, "Network", config)
    storage = Storage(app, "Storage", config)
    images = Images(app, "Images", config)
    delivery = Delivery(app, "Delivery", config, images) if config.github else None
    services = Services(app, "Services", config, network, storage, images)
    training = Training(app, "Training", config, network, storage, images, services)
    api = Api(app, "Api", config, storage, images)
    web = Web(app, "Web", config, storage, api, delivery)
    observability = Observability(app, "Observability", config, services, training, api)
    Tags.of(app).add("project", "stratagem")
    Tags.of(app).add("deployment", config.prefix)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return Stratagem(app, config, network, storage, images, services, training, api, web, observability, delivery)


if __name__ == "__main__":
    try:
        build().app.synth()
    except SettingError as error:
        sys.exit(str(error))
