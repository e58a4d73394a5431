"""The generated stubs run with the oldest libraries that pyproject.toml accepts."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def version(text):
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def test_no_stub_asks_for_a_newer_library_than_is_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    least = {name: version(floor) for name, floor in (need.split(">=", 1) for need in declared["services"])}
    stubs = [path.read_text() for path in (ROOT / "src/services/stubs").rglob("*_pb2*.py")]
    protobuf = {version(found) for text in stubs for found in re.findall(r"Protobuf Python Version: (\S+)", text)}
    grpc = {version(found) for text in stubs for found in re.findall(r"GRPC_GENERATED_VERSION = '(\S+)'", text)}
    assert (len(protobuf), len(grpc)) == (1, 1)
    assert least["protobuf"] >= max(protobuf)
    assert least["grpcio"] >= max(grpc)
