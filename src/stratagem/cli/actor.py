"""`stratagem actor`: a process that plays."""

import signal
import sys
import threading
from contextlib import ExitStack

import click

from services.settings import PORTS, PPO_TABLE
from stratagem.cli.values import PolicyName

# That what waits may take once the actor is to end: less in all than `stratagem up` and ECS wait before they kill.
FRAGMENT_SECONDS, OUTCOME_SECONDS = 5.0, 10.0


@click.command()
@click.option("--name", default="actor", show_default=True, help="Of this actor.")
@click.option("--policy", type=PolicyName(), default="fleet", show_default=True, help="The policy that is trained.")
@click.option("--games", type=click.IntRange(2, 65536), default=144, show_default=True, help="Played at once.")
@click.option("--server", default=f"127.0.0.1:{PORTS['game']}", show_default=True, metavar="HOST:PORT")
@click.option("--replay", default=f"127.0.0.1:{PORTS['replay']}", show_default=True, metavar="HOST:PORT")
@click.option("--table", default=PPO_TABLE, show_default=True, help="The replay table.")
@click.option("--metrics", default="", metavar="HOST:PORT", help="Where Prometheus may ask.")
def actor(name: str, policy: str, games: int, server: str, replay: str, table: str, metrics: str) -> None:
    """Play what the matchmaker says with the latest policy until SIGTERM; send experience, report games."""
    from learner.host import prepare_host

    prepare_host()

    from actors.actor import Actor, ActorSettings
    from actors.outcomes import OutcomeReporter
    from actors.reporter import Reporter
    from learner.snapshot import SnapshotError
    from services.channels import open_channel, with_token
    from services.logs import configure_logs
    from services.metrics import ACTOR_UNSENT, metrics_at

    configure_logs()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with ExitStack() as stack:
        try:
            to_server = stack.enter_context(open_channel(server))
            stack.enter_context(metrics_at(metrics))
            outcomes, fragments = OutcomeReporter(with_token(to_server)), Reporter(replay, table)
        except (ValueError, OSError) as error:  # settings that cannot be, a port that is taken, a lost certificate
            click.echo(f"stratagem: {error}", err=True)
            sys.exit(2)
        ACTOR_UNSENT.labels("fragments").set_function(lambda: fragments.unsent)
        ACTOR_UNSENT.labels("outcomes").set_function(lambda: outcomes.unsent)
        try:
            Actor(ActorSettings(name, policy, games), with_token(to_server), fragments.send, outcomes).run(
                stopped.is_set
            )
        except SnapshotError as error:
            click.echo(f"stratagem: {error}", err=True)
            sys.exit(2)
        finally:
            lost = fragments.stop(FRAGMENT_SECONDS)
            left = outcomes.stop(OUTCOME_SECONDS)
            told = f"{outcomes.reported} games reported, {left} games and {lost} fragments left unsent"
            click.echo(f"{name}: {told}", err=True)
