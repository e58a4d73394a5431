"""A training job in Amazon SageMaker's terms: `python -m learner.sagemaker_entry train` in the learner's image.

The contract of an image of one's own (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html):

    /opt/ml/input/config/hyperparameters.json   the job's settings, all of them text
    /opt/ml/input/config/resourceconfig.json    this host's name among all
    /opt/ml/input/data/policy/                  channel: policy.safetensors and .json to begin with; may be missing
    /opt/ml/checkpoints/                        kept in S3 while the job runs, and brought back where it goes on
    /opt/ml/model/                              what becomes the job's model.tar.gz
    /opt/ml/output/failure                      why it failed
    SIGTERM, then 120 s                         a stop, or a Spot instance that is taken away

Metrics are lines of NAME=NUMBER (`store.names.TRAINING_METRICS`). Of several hosts each trains the plan from a seed and
in a folder of its own, and publishes under the same name: independent runs, of which the judge's table tells the best.
"""

import json
import math
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from learner.host import prepare_host
from store.names import TRAINING_METRICS

if TYPE_CHECKING:
    from learner.live import Status
    from learner.training import Training

ROOT = Path("/opt/ml")
FAILED = 1
LINE_SECONDS = 10.0  # between two lines of metrics
PROGRESS_SECONDS = 60.0
LONGEST_FAILURE = 1024  # characters that SageMaker shows


class RequestError(ValueError):
    """A job's settings that are not accepted; the message names the setting, the value and what is."""


@dataclass(frozen=True)
class Request:
    """A job's hyperparameters."""

    policy: str = "sagemaker"  # the name to publish under
    seed: int = 1
    seconds: float = 3600.0  # of training, over all sittings
    board: str = "6x6"
    size: str = "tiny"  # of the network
    device: str = ""  # cpu, cuda; empty: cuda where there is one
    parent: int = 0  # the version to begin with; 0: none

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the board; 0, 0 where it names none."""
        from engine.sides import sides_of

        return sides_of(self.board) or (0, 0)


def read_request(settings: Mapping[str, str]) -> Request:
    """A request from hyperparameters. Raises RequestError."""
    known: dict[str, Any] = {field.name: type(field.default) for field in fields(Request)}
    values: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in known:
            raise RequestError(f'hyperparameter "{name}" is unknown; known: {", ".join(known)}')
        try:
            values[name] = known[name](text)
        except ValueError:
            raise RequestError(f'hyperparameter {name} is "{text}"; accepted: {known[name].__name__}') from None
    request = Request(**values)
    if not 4 <= min(request.sides) <= max(request.sides) <= 40:
        raise RequestError(f'hyperparameter board is "{request.board}"; accepted: HEIGHTxWIDTH with sides of 4 to 40')
    if not 0 < request.seconds < math.inf:
        raise RequestError(f"hyperparameter seconds is {request.seconds}; accepted: more than 0")
    return request


@dataclass(frozen=True)
class Host:
    """This machine among the job's."""

    name: str
    rank: int


def read_host(config: Path) -> Host:
    """What resourceconfig.json says; without one there is a single host."""
    if not config.exists():
        return Host("algo-1", 0)
    told = json.loads(config.read_text(encoding="utf-8"))
    return Host(told["current_host"], sorted(told["hosts"]).index(told["current_host"]))


def metrics_of(status: "Status") -> dict[str, float]:
    """The metrics of an iteration, those that are known."""
    rates = [rate for rate in status.win_rates.values() if math.isfinite(rate)]
    values = {
        "episode_reward": status.episode_reward,
        "episode_turns": status.episode_turns,
        "win_rate": sum(rates) / len(rates) if rates else math.nan,
        "steps_per_second": status.steps_per_second,
        "env_steps": float(status.env_steps),
        "policy_loss": status.losses["policy"],
        "value_loss": status.losses["value"],
        "entropy": status.losses["entropy"],
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}


def log_line(values: Mapping[str, float]) -> None:
    """Print metrics so that SageMaker's expressions find them, at once."""
    unknown = values.keys() - set(TRAINING_METRICS)
    if unknown:
        raise ValueError(f"metrics {sorted(unknown)} are unknown; known: {', '.join(TRAINING_METRICS)}")
    print(" ".join(f"{name}={value:.6g}" for name, value in values.items()), flush=True)


class MetricLines:
    """A view of a run that prints a line of metrics now and then."""

    def __init__(self) -> None:
        self._next = 0.0
        self.env_steps = 0

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, flush=True)

    def update(self, status: "Status") -> None:
        """Print a line if it is time for one."""
        self.env_steps = status.env_steps
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            log_line(metrics_of(status))

    def close(self) -> None:
        """Nothing."""


def tell_progress(view: MetricLines, ended: threading.Event) -> None:
    """Until the end log every minute how many steps were played since the last: 0 where training hangs."""
    before = view.env_steps
    while not ended.wait(PROGRESS_SECONDS):
        now = view.env_steps
        log_line({"progress": float(now - before)})
        before = now


def train(root: Path = ROOT, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Train as the files under `root` say; whether it came to its end. Raises what goes wrong."""
    prepare_host()
    settings = json.loads((root / "input/config/hyperparameters.json").read_text(encoding="utf-8"))
    request, host = read_request(settings), read_host(root / "input/config/resourceconfig.json")
    view = MetricLines()
    training = _open(request, host, root)
    view.env_steps = training.counters.env_steps
    view.say(f"{host.name}: {request}; {training.counters.seconds:.0f} s trained before")
    training.prepare()
    ended = threading.Event()
    threading.Thread(target=tell_progress, args=(view, ended), name="progress", daemon=True).start()
    try:
        training.run(view, stopped)
    finally:
        ended.set()
    if not training.finished:
        view.say(f"stopped after {training.counters.seconds:.0f} s of training; the checkpoint is saved")
        return False
    _hand_over(request, training, root / "model" / ("" if host.rank == 0 else host.name), view)
    return True


def _open(request: Request, host: Host, root: Path) -> "Training":
    """The run in the checkpoints' folder, gone on with, begun from a policy or from nothing."""
    import torch

    from learner.demo import demo_plan
    from learner.training import Training

    device = request.device or ("cuda" if torch.cuda.is_available() else "cpu")
    seed = request.seed + host.rank
    plan = demo_plan(request.policy, seed, request.seconds / 60, *request.sides, size=request.size, device=device)
    folder = root / "checkpoints" / host.name
    if not (folder / "checkpoint.safetensors").exists():
        plan = replace(plan, start=_beginning(request, root / "input/data/policy/policy", folder / "parent"))
    return Training(plan, folder)


def _beginning(request: Request, channel: Path, kept: Path) -> str:
    """Where a new run finds the weights of its parent, fetched to `kept`, or of the channel "policy"; empty: none."""
    from learner.registry import fetch_policy
    from learner.snapshot import file_of, save_policy
    from store.connect import Connection
    from store.names import Names
    from store.policies import Policies

    if request.parent:
        policies = Policies(Connection(Names.from_environment()))
        save_policy(fetch_policy(policies, policies.get(request.policy, request.parent)), kept, {})
        return str(kept)
    return str(channel) if file_of(channel, ".safetensors").exists() else ""


def _hand_over(request: Request, training: "Training", model: Path, view: MetricLines) -> None:
    """Put the policy where SageMaker packs it, and publish it."""
    from learner.registry import publish_policy
    from store.connect import Connection
    from store.names import Names
    from store.policies import Policies

    model.mkdir(parents=True, exist_ok=True)
    for name in ("policy.safetensors", "policy.json", "metrics.jsonl"):
        shutil.copyfile(training.folder / name, model / name)
    policies = Policies(Connection(Names.from_environment()))
    version = publish_policy(
        policies, request.policy, model / "policy", request.parent, turn_limit=training.plan.ruleset.turn_limit
    )
    view.say(f"published {version.name} version {version.version}")


def main(root: Path = ROOT) -> int:
    """Train; a failure is written where SageMaker reads it. Returns the exit status."""
    stop = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGTERM, note)
    try:
        train(root, stop.is_set)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        print(reason, file=sys.stderr, flush=True)
        (root / "output").mkdir(parents=True, exist_ok=True)
        (root / "output/failure").write_text(reason[:LONGEST_FAILURE], encoding="utf-8")
        return FAILED
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


if __name__ == "__main__":
    accepted = ["train"]
    if sys.argv[1:2] != accepted:
        sys.exit(f"command is {sys.argv[1:]}; accepted: train")
    sys.exit(main(Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT))
