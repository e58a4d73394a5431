"""`stratagem learn`: a learner over the services."""

import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from services.settings import PORTS
from stratagem.cli.demo import BoardSize
from stratagem.cli.run_folder import own_folder
from stratagem.cli.values import Number, PolicyName


@click.command()
@click.option("--name", type=PolicyName(), default="fleet", show_default=True, help="Name of the policy.")
@click.option("--board", type=BoardSize(), default="6x6", show_default=True, help="Size of the maps.")
@click.option("--size", default="tiny", show_default=True, help="Of the network.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the weights.")
@click.option("--data", type=click.Path(path_type=Path), default=Path("runs/learn"), show_default=True, help="Folder.")
@click.option("--publish-seconds", type=Number(min=0.1), default=10.0, show_default=True, help="Between two versions.")
@click.option("--server", default=f"127.0.0.1:{PORTS['game']}", show_default=True, metavar="HOST:PORT")
@click.option("--replay", default=f"127.0.0.1:{PORTS['replay']}", show_default=True, metavar="HOST:PORT")
@click.option("--metrics", default="", metavar="HOST:PORT", help="Where Prometheus may ask.")
def learn(
    name: str,
    board: tuple[int, int],
    size: str,
    seed: int,
    data: Path,
    publish_seconds: float,
    server: str,
    replay: str,
    metrics: str,
) -> None:
    """Learn from the replay service and publish versions until SIGTERM; goes on where it stopped."""
    from learner.host import prepare_host

    prepare_host()
    from actors.setup import Setup
    from learner.demo import demo_plan
    from learner.fleet import FleetLearner, FleetPlan
    from learner.snapshot import SnapshotError
    from services.channels import open_channel, with_token
    from services.logs import configure_logs
    from services.metrics import metrics_at

    configure_logs()
    own_folder(data / name, "name another folder with --data")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    like = demo_plan(name, seed, 60.0, *board, size, "cpu")
    setup = Setup(like.ruleset, like.board, shaping=replace(like.shaping, gamma=like.settings.gamma))
    settings = replace(like.settings, minibatches=3, vtrace=True)  # an update has fewer rows than the demo's
    plan = FleetPlan(name, setup, like.network, settings, seed, publish_seconds=publish_seconds)
    with ExitStack() as stack:
        try:
            to_server = stack.enter_context(open_channel(server))
            stack.enter_context(metrics_at(metrics))
            learner = FleetLearner(plan, with_token(to_server), replay, data)
        except (ValueError, OSError) as error:  # settings that cannot be, a port that is taken, a lost certificate
            click.echo(f"stratagem: {error}", err=True)
            sys.exit(2)
        try:
            learner.run(stopped.is_set)
        except SnapshotError as error:
            click.echo(f"stratagem: {error}", err=True)
            sys.exit(2)
