"""`stratagem cloud`: deploy on AWS, see what it costs and how it stands, train there, remove it."""

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stratagem.cli.values import Url

if TYPE_CHECKING:
    from cloud.deployment import Deployment
    from cloud.prices import Line
    from cloud.profiles import Profile

REFUSED = 2
CDK = ("npx", "--yes", "aws-cdk@2.1146.1")
Command = Callable[..., None]


@click.group()
def cloud() -> None:
    """Deploy on AWS, see what it costs and how it stands, train there, remove it."""


def command(name: str) -> Callable[[Command], click.Command]:
    """A subcommand with the options that all have, whose CloudError is one line and exit 2."""

    def make(function: Command) -> click.Command:
        @wraps(function)
        def run(profile: str, endpoint: str | None, **options: Any) -> None:
            from botocore.exceptions import BotoCoreError, ClientError

            from cloud.deployment import Deployment
            from cloud.errors import CloudError
            from cloud.profiles import load_profile

            try:
                chosen = load_profile(profile)
                function(chosen, Deployment(chosen.prefix, endpoint), **options)
            except CloudError as error:
                _refuse(str(error))
            except (BotoCoreError, ClientError) as error:
                _refuse(f"{str(error).splitlines()[0]}; `stratagem cloud doctor` tells what is missing")

        run = click.option("--endpoint", type=Url(), help="A stand-in for AWS, see `deploy --local`.")(run)
        run = click.option("--profile", default="dev", show_default=True, help="Of cdk.json: dev, small, large.")(run)
        return cloud.command(name)(run)

    return make


def _refuse(text: str) -> None:
    click.echo(text, err=True)
    sys.exit(REFUSED)


@command("doctor")
def doctor(profile: "Profile", deployment: "Deployment") -> None:
    """Look whether everything is there that deploying needs, and say how to mend what is not."""
    from cloud.doctor import examine

    good = True
    for finding in examine(deployment, profile.shape.instance, profile.cores):
        good &= finding.good
        click.echo(f"{'ok ' if finding.good else '-- '} {finding.what}: {finding.told}")
        if not finding.good:
            click.echo(f"    {finding.mend}")
    if not good:
        sys.exit(1)


@command("cost")
def cost(profile: "Profile", deployment: "Deployment") -> None:
    """What the profile costs: idle, per training hour, per billion turns, per thousand human matches."""
    from cloud import prices

    click.echo(f"{profile.name}, list prices of {prices.REGION} as of {prices.AS_OF}, US dollars; check before relying")
    shape = profile.shape
    _table("a month of standing idle", prices.idle(shape))
    _table("an hour of training", prices.training_hour(shape))
    _table("a billion turns", prices.billion_turns(shape))
    _table("a thousand human matches", prices.thousand_matches())


def _table(title: str, lines: "list[Line]") -> None:
    click.echo(f"\n{title}: {sum(line.dollars for line in lines):,.2f}")
    for line in lines:
        click.echo(f"  {line.dollars:10,.3f}  {line.what}")


@click.option("--local", is_flag=True, help="Onto a stand-in on this machine that lives until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the stand-in; 0: any.")
@click.option("--images/--no-images", default=True, help="Build and push the images with Docker.")
@click.option("--tag", help="Of the images; else code- and the commit, and a hash of what differs from it.")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="Another value for a setting.")
def _deploy(
    profile: "Profile",
    deployment: "Deployment",
    local: bool,
    port: int,
    images: bool,
    tag: str | None,
    settings: tuple[str, ...],
) -> None:
    """Deploy: the registries first, and who may push to them, then the images, then the rest.

    Broken off, the same command goes on. With --no-images it stops where the registries hold no image of the tag.
    """
    from cloud.profiles import check_settings

    chosen = dict(_pair(setting) for setting in settings)
    for name in ("profile", "tag"):
        if name in chosen:
            raise click.BadParameter(f'"{name}" is an option of its own; accepted: --{name}', param_hint="--set")
    check_settings(profile.name, chosen)
    if local:
        _deploy_here(profile, port, chosen)
        return
    from cloud.code import code_tag
    from cloud.doctor import look_at_bootstrap
    from cloud.errors import CloudError
    from cloud.publish import missing_images, publish_page, push_images

    if tag is None and not images:
        raise CloudError("--no-images is given without --tag; accepted: the tag of images that were pushed, v1.2.3 say")
    tag = tag or code_tag()
    chosen["tag"] = tag
    account = deployment.client("sts").get_caller_identity()["Account"]
    if not (bootstrap := look_at_bootstrap(deployment, account, deployment.region)).good:
        raise CloudError(f"the CDK's bootstrap in {account}, {deployment.region}: {bootstrap.told}; {bootstrap.mend}")
    deployment.check_room()
    _cdk(profile, chosen, "Images", *(["Delivery"] if chosen.get("github", profile.github) else []))
    if images:
        push_images(deployment, tag, click.echo)
    elif missing := missing_images(deployment, tag):
        raise CloudError(
            f"the registries stand, but {', '.join(missing)} hold no image {tag}: push it, by a release on GitHub or "
            "where Docker is, and run the same command again: it goes on"
        )
    _cdk(profile, chosen, "--all")
    click.echo(f"put {publish_page(deployment)} files of the page in place")
    _tell(deployment)


deploy = command("deploy")(_deploy)


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or not re.fullmatch(r"[a-z_]+", name):
        raise click.BadParameter(f'"{setting}" is not accepted; accepted: NAME=VALUE', param_hint="--set")
    return name, value


def _cdk(profile: "Profile", settings: dict[str, str], *what: str) -> None:
    """Run the CDK's command line; it makes what is missing and changes what differs."""
    from cloud.assembly import ROOT
    from cloud.errors import CloudError

    context = [f"--context={name}={value}" for name, value in {"profile": profile.name, **settings}.items()]
    app = f"{sys.executable} cdk/app.py"
    try:
        done = subprocess.run(
            [*CDK, "deploy", *what, "--require-approval", "never", "--app", app, *context], cwd=ROOT, check=False
        )
    except OSError:
        raise CloudError("npx is missing: install Node.js 20 or newer, then try again") from None
    if done.returncode:
        raise CloudError("`cdk deploy` failed: mend what it says above and run the same command again, it goes on")


def _deploy_here(profile: "Profile", port: int, settings: dict[str, str]) -> None:
    from cloud.assembly import synthesize
    from cloud.deployment import Deployment
    from cloud.publish import publish_page
    from cloud.stand_ins import local_cloud

    with tempfile.TemporaryDirectory(prefix="stratagem-") as folder, local_cloud(port) as endpoint:
        stacks = synthesize(profile.name, Path(folder), settings)
        here = Deployment(profile.prefix, endpoint)
        here.create(stacks, click.echo)
        click.echo(f"put {publish_page(here)} files of the page in place")
        _tell(here)
        click.echo(f"stands until Ctrl-C; in another terminal: stratagem cloud status --endpoint {endpoint}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("gone")


def _tell(deployment: "Deployment") -> None:
    """The stacks, and where things are."""
    from cloud.errors import CloudError

    states = list(deployment.states())
    if not states:
        raise CloudError(f"nothing is deployed as {deployment.prefix}: run `stratagem cloud deploy` first")
    for state in states:
        click.echo(f"{state.status:24} {state.name}{'  ' + state.reason if state.reason else ''}")
    for name, value in deployment.outputs().items():
        if not name.startswith("ExportsOutput"):
            click.echo(f"  {name:20} {value}")


@command("status")
def status(profile: "Profile", deployment: "Deployment") -> None:
    """How the stacks and the last training stand."""
    from cloud.errors import CloudError
    from cloud.jobs import Jobs

    _tell(deployment)
    jobs = Jobs(deployment)
    try:
        state = jobs.status(jobs.latest())
    except CloudError as error:
        click.echo(str(error))
        return
    click.echo(f"{state.job}: {state.execution}, {state.training or 'not started'}")
    for name, value in state.metrics.items():
        click.echo(f"  {name:28} {value:.6g}")


@click.option("--all", "everything", is_flag=True, help="Keep nothing: tables, games and models go as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def _destroy(profile: "Profile", deployment: "Deployment", everything: bool, yes: bool) -> None:
    """Remove the stacks, and say what is kept."""
    if not yes:
        what = "and all of its data " if everything else ""
        click.confirm(f"remove {deployment.prefix} {what}in {deployment.region}?", abort=True)
    kept = deployment.destroy(everything, click.echo)
    click.echo(f"kept: {', '.join(kept)}; --all keeps nothing" if kept else "nothing is left")


destroy = command("destroy")(_destroy)


@click.argument("policy")
@click.option("--instance", help="SageMaker's type of instance; else the profile's.")
@click.option(
    "--nodes", type=click.IntRange(1, 16), default=1, show_default=True, help="Each trains from its own seed."
)
@click.option("--spot/--on-demand", default=True, help="On Spot, with on-demand where it has no room.")
@click.option("--fleet", type=int, default=0, show_default=True, help="Actors that stand meanwhile.")
@click.option("--pairs", type=click.IntRange(1, 10_000), default=400, show_default=True, help="Against the champion.")
@click.option("--run", default="", help="Whose checkpoints it goes on from; else those of POLICY.")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="A hyperparameter.")
def _train(
    profile: "Profile",
    deployment: "Deployment",
    policy: str,
    instance: str | None,
    settings: tuple[str, ...],
    **options: Any,
) -> None:
    """Train POLICY in SageMaker, judge it against the champion, promote it if it is better.

    The job plays on its own machine. The actors of --fleet play the policy "fleet", for a `stratagem learn` of yours.
    """
    from cloud.jobs import Jobs, Order
    from store.errors import InvalidError

    fleet, most = options["fleet"], profile.shape.most
    if not 0 <= fleet <= most:
        accepted = f"accepted: 0 to {most}, the most of profile {profile.name}"
        raise click.BadParameter(f"{fleet} is not accepted; {accepted}", param_hint="--fleet")
    hyperparameters = dict(_pair(setting) for setting in settings)
    order = Order(policy, instance or profile.shape.instance, hyperparameters=hyperparameters, **options)
    try:
        job = Jobs(deployment).start(order)
    except InvalidError as error:
        raise click.BadParameter(str(error), param_hint="POLICY") from None
    click.echo(f"{job}: follow it with `stratagem cloud logs {job}`, see it with `stratagem cloud status`")


train = command("train")(_train)


@click.argument("job", required=False)
def _logs(profile: "Profile", deployment: "Deployment", job: str | None) -> None:
    """What a training job has logged; the last one's without JOB."""
    from cloud.jobs import Jobs

    jobs = Jobs(deployment)
    for line in jobs.logs(job or jobs.latest()):
        click.echo(line.rstrip())


logs = command("logs")(_logs)


@click.argument("job", required=False)
def _stop(profile: "Profile", deployment: "Deployment", job: str | None) -> None:
    """Stop a training job, the last one without JOB; its checkpoint stays."""
    from cloud.jobs import Jobs

    jobs = Jobs(deployment)
    name = job or jobs.latest()
    jobs.stop(name)
    click.echo(f"{name} is being stopped; `stratagem cloud train` with the same --run goes on from its checkpoint")


stop = command("stop")(_stop)
