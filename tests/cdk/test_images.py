"""Images as the workflows and `stratagem cloud deploy` push them, and what the stacks do with them."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from tests.cdk.conftest import Synthesized

from cloud.publish import image_commands

ROOT = Path(__file__).resolve().parents[2]


def workflow_tags() -> list[str]:
    """The tags under which the workflows push images, for a push to main and for a release."""
    job = yaml.safe_load((ROOT / ".github/workflows/images.yaml").read_text())["jobs"]["build"]
    given = job["env"]["TAG"]
    found = re.fullmatch(r"\$\{\{ inputs\.tag \|\| format\('([^']*)', github\.sha\) \}\}", given)
    assert found, given
    return [found[1].format("0123456789abcdef" * 2 + "01234567"), "v1.2.3"]


def test_no_rule_of_the_registries_takes_an_image_that_is_deployed(dev: Synthesized) -> None:
    """Pushes to main are many and not deployed; what `deploy` pushed last is; releases stay."""
    main, release = workflow_tags()
    own = "code-0123456789ab-01234567"
    repositories = dev.of_type("AWS::ECR::Repository")
    assert len(repositories) == 4
    for repository in repositories.values():
        rules = yaml.safe_load(repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]

        def kept_of(tag: str, rules: list[dict[str, dict[str, object]]] = rules) -> list[object]:
            chosen = [rule["selection"] for rule in rules if rule["selection"]["tagStatus"] != "untagged"]
            assert all(selection["countType"] == "imageCountMoreThan" for selection in chosen)
            return [
                selection["countNumber"]
                for selection in chosen
                if any(fnmatchcase(tag, pattern) for pattern in selection.get("tagPatternList", ["*"]))
            ]

        assert kept_of(main) == kept_of(own) == [20]
        assert kept_of(release) == kept_of("latest") == []


def test_images_are_built_for_the_machines_of_the_stacks(dev: Synthesized) -> None:
    for task in dev.of_type("AWS::ECS::TaskDefinition").values():
        assert task["Properties"].get("RuntimePlatform", {}).get("CpuArchitecture", "X86_64") == "X86_64"
    for function in dev.of_type("AWS::Lambda::Function").values():
        assert function["Properties"].get("Architectures", ["x86_64"]) == ["x86_64"]
    steps = yaml.safe_load((ROOT / ".github/workflows/images.yaml").read_text())["jobs"]["build"]["steps"]
    builds = [step["run"].split() for step in steps if "docker build" in step.get("run", "")]
    builds += [command for command in image_commands("registry", "stratagem", "t") if command[1] == "build"]
    assert len(builds) == 5
    for command in builds:
        assert command[command.index("--platform") + 1] == "linux/amd64"
