"""The picture of the architecture, drawn from the synthesized app: `python cdk/picture.py FOLDER OUT.svg`.

A box is a stack with what it holds; an arrow goes from a stack to one whose resources it refers to. What CDK adds for
its own sake (policies, permissions, associations) is left out.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

ROOT_PICTURE = Path(__file__).resolve().parents[1] / "docs" / "img" / "architecture.svg"
WIDTH, LINE, GAP_X, GAP_Y, HEAD = 236, 16, 74, 22, 30
SHOWN = {
    "AWS::ApiGatewayV2::Api": "HTTP API",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "scaling by hunger",
    "AWS::Athena::WorkGroup": "Athena workgroup",
    "AWS::Budgets::Budget": "budget",
    "AWS::CloudFront::Distribution": "CloudFront distribution",
    "AWS::CloudWatch::Alarm": "alarm",
    "AWS::CloudWatch::Dashboard": "dashboard",
    "AWS::DynamoDB::Table": "DynamoDB table",
    "AWS::EC2::FlowLog": "flow log",
    "AWS::EC2::SecurityGroup": "security group",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::VPC": "VPC",
    "AWS::EC2::VPCEndpoint": "VPC endpoint",
    "AWS::ECR::Repository": "image registry",
    "AWS::ECS::Cluster": "ECS cluster",
    "AWS::ECS::Service": "Fargate service",
    "AWS::ECS::TaskDefinition": "task definition",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "TLS listener",
    "AWS::Glue::Table": "Glue table of the lake",
    "AWS::IAM::OIDCProvider": "GitHub's identities",
    "AWS::IAM::Role": "role",
    "AWS::Lambda::Function": "Lambda",
    "AWS::Logs::LogGroup": "log",
    "AWS::Logs::MetricFilter": "metric from the log",
    "AWS::S3::Bucket": "S3 bucket",
    "AWS::SNS::Topic": "SNS topic of the news",
    "AWS::ServiceDiscovery::Service": "name in Cloud Map",
    "AWS::StepFunctions::StateMachine": "training machine (SageMaker)",
}


def contents(folder: Path) -> tuple[dict[str, Counter[str]], dict[str, set[str]]]:
    """What each stack holds, and whose resources each refers to."""
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.template.json"))
    }
    exporters = {
        output["Export"]["Name"]: stack
        for stack, template in templates.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    held = {
        stack: Counter(resource["Type"] for resource in template["Resources"].values() if resource["Type"] in SHOWN)
        for stack, template in templates.items()
    }
    needs = {stack: {exporters[name] for name in _imports(template)} for stack, template in templates.items()}
    return held, needs


def _imports(value: Any) -> set[str]:
    """The names of the exports that a template imports."""
    if isinstance(value, dict):
        own = {value["Fn::ImportValue"]} if isinstance(value.get("Fn::ImportValue"), str) else set()
        return own.union(*(_imports(part) for part in value.values()))
    return set().union(*(_imports(part) for part in value)) if isinstance(value, list) else set()


def columns(needs: Mapping[str, set[str]]) -> dict[str, int]:
    """How deep each stack stands: 0 needs none."""
    depth: dict[str, int] = {}
    while len(depth) < len(needs):
        for stack, others in needs.items():
            if stack not in depth and others <= depth.keys():
                depth[stack] = 1 + max((depth[other] for other in others), default=-1)
    return depth


def draw(folder: Path) -> str:
    """The picture as SVG."""
    held, needs = contents(folder)
    depth = columns(needs)
    boxes: dict[str, tuple[int, int, int]] = {}  # x, y, height
    below: Counter[int] = Counter()
    for stack in sorted(held, key=lambda name: (depth[name], name)):
        height = HEAD + LINE * len(held[stack]) + 10
        column = depth[stack]
        boxes[stack] = (20 + column * (WIDTH + GAP_X), 20 + below[column], height)
        below[column] += height + GAP_Y
    width = 40 + (1 + max(depth.values())) * (WIDTH + GAP_X) - GAP_X
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{20 + max(below.values())}" '
        'font-family="sans-serif" font-size="12" role="img" aria-label="The stacks and what they refer to">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#7b8794"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for stack, others in needs.items():
        # What is reached through another stack anyway is not drawn once more.
        through = set().union(*(_all_needs(other, needs) for other in others))
        parts += [_arrow(boxes[stack], boxes[other]) for other in sorted(others - through)]
    parts += [_box(stack, boxes[stack], held[stack]) for stack in boxes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _all_needs(stack: str, needs: Mapping[str, set[str]]) -> set[str]:
    return needs[stack].union(*(_all_needs(other, needs) for other in needs[stack]))


def _arrow(start: tuple[int, int, int], end: tuple[int, int, int]) -> str:
    x1, y1 = start[0], start[1] + HEAD // 2
    x2, y2 = end[0] + WIDTH, end[1] + HEAD // 2
    path = f"M{x1} {y1} C{x1 - 40} {y1} {x2 + 40} {y2} {x2 + 2} {y2}"
    return f'<path d="{path}" fill="none" stroke="#7b8794" marker-end="url(#tip)"/>'


def _box(stack: str, place: tuple[int, int, int], held: Counter[str]) -> str:
    x, y, height = place
    lines = [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="6" fill="#f5f7fa" stroke="#3e4c59"/>',
        f'<text x="{x + 12}" y="{y + 20}" font-weight="bold" fill="#1f2933">{escape(stack)}</text>',
    ]
    for row, (kind, count) in enumerate(sorted(held.items(), key=lambda item: SHOWN[item[0]].lower())):
        text = SHOWN[kind] if count == 1 else f"{count} × {SHOWN[kind]}"
        lines.append(f'<text x="{x + 12}" y="{y + HEAD + 12 + LINE * row}" fill="#3e4c59">{escape(text)}</text>')
    return "\n".join(lines)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(draw(source), encoding="utf-8")
