"""Fetching and publishing policies: what actors and learners ask of ModelService, over a channel of their own."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import grpc

from services.model_server import CHUNK
from services.stubs import common_pb2, model_pb2, model_pb2_grpc
from store.errors import DamagedError


def fetch_policy(
    channel: grpc.Channel, name: str, version: int = 0, alias: str = "", timeout: float = 60.0
) -> tuple[model_pb2.PolicyInfo, bytes]:
    """A policy's metadata and its safetensors file; without version and alias the latest.

    Raises grpc.RpcError, and DamagedError where the bytes do not have the hash that was told.
    """
    request = model_pb2.GetPolicyRequest(name=name, version=version, alias=alias)
    info = None
    data = bytearray()
    for message in model_pb2_grpc.ModelServiceStub(channel).GetPolicy(request, timeout=timeout):
        if message.HasField("info"):
            info = message.info
        data += message.chunk.data
    if info is None or (found := hashlib.sha256(data).hexdigest()) != info.sha256:
        told = info.sha256 if info else "none"
        raise DamagedError(f"policy {name}: sha256 is {found if info else 'that of nothing'}; told: {told}")
    return info, bytes(data)


def publish_policy(
    channel: grpc.Channel, name: str, weights: bytes, about: dict[str, Any], parent: int = 0, timeout: float = 60.0
) -> model_pb2.PolicyInfo:
    """Publish a policy; its metadata with the version it got. May be repeated. Raises grpc.RpcError."""
    info = model_pb2.PolicyInfo(
        name=name,
        sha256=hashlib.sha256(weights).hexdigest(),
        size=len(weights),
        parent=parent,
        about=json.dumps(about),
    )

    def messages() -> Iterator[model_pb2.PublishPolicyRequest]:
        yield model_pb2.PublishPolicyRequest(info=info)
        for begin in range(0, len(weights), CHUNK):
            yield model_pb2.PublishPolicyRequest(chunk=common_pb2.Chunk(data=weights[begin : begin + CHUNK]))

    answer: model_pb2.PublishPolicyResponse = model_pb2_grpc.ModelServiceStub(channel).PublishPolicy(
        messages(), timeout=timeout
    )
    return answer.info
