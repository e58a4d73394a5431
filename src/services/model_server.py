"""ModelService: the registry of `store.policies` behind gRPC."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
from safetensors import SafetensorError
from safetensors.numpy import load

from services.refusal import RefusedError, invalid
from services.stubs import common_pb2, model_pb2, model_pb2_grpc
from store.policies import LATEST, MAX_SIZE, Policies, PolicyVersion

CHUNK = 1 << 20  # bytes
MAX_LIST = 1000
WATCH_SECONDS = 1.0  # between two looks of a watcher


class ModelServicer(model_pb2_grpc.ModelServiceServicer):
    """Publish, fetch, list and watch policies; the store's calls run in threads."""

    def __init__(self, policies: Policies) -> None:
        self.policies = policies

    async def PublishPolicy(  # noqa: N802 (gRPC's name)
        self, request: AsyncIterator[model_pb2.PublishPolicyRequest], context: Any
    ) -> model_pb2.PublishPolicyResponse:
        """Take a policy in; its hash and size must be those of the first message."""
        info: model_pb2.PolicyInfo | None = None
        data = bytearray()
        async for message in request:
            if info is None:
                info = message.info
                if not 1 <= info.size <= MAX_SIZE:
                    raise invalid("info.size", info.size, f"1 to {MAX_SIZE} bytes")
            if len(message.chunk.data) > CHUNK:
                raise invalid("chunk.data", f"{len(message.chunk.data)} bytes", f"up to {CHUNK} bytes")
            data += message.chunk.data
            if len(data) > info.size:
                raise invalid("chunk.data", f"more than {info.size} bytes in all", f"info.size = {info.size} bytes")
        if info is None:
            raise invalid("info", None, "a first message with info")
        if len(data) != info.size:
            raise invalid("chunk.data", f"{len(data)} bytes in all", f"info.size = {info.size} bytes")
        found = hashlib.sha256(data).hexdigest()
        if found != info.sha256:
            raise invalid("info.sha256", info.sha256, f"{found}, the hash of what was sent")
        about = _about(info.about)
        check_weights(bytes(data))
        version = await asyncio.to_thread(self.policies.publish, info.name, bytes(data), about, info.parent)
        return model_pb2.PublishPolicyResponse(info=info_of(version))

    async def GetPolicy(  # noqa: N802
        self, request: model_pb2.GetPolicyRequest, context: Any
    ) -> AsyncIterator[model_pb2.GetPolicyResponse]:
        """Send a policy: its metadata, then its weights."""
        version = await asyncio.to_thread(self._find, request.name, request.version, request.alias)
        weights = await asyncio.to_thread(self.policies.weights, version)
        yield model_pb2.GetPolicyResponse(info=info_of(version))
        for begin in range(0, len(weights), CHUNK):
            yield model_pb2.GetPolicyResponse(chunk=common_pb2.Chunk(data=weights[begin : begin + CHUNK]))

    def _find(self, name: str, version: int, alias: str) -> PolicyVersion:
        if version and alias:
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "both version and alias are given; accepted: one")
        return self.policies.get(name, version) if version else self.policies.resolve(name, alias or LATEST)

    async def ListPolicies(  # noqa: N802
        self, request: model_pb2.ListPoliciesRequest, context: Any
    ) -> model_pb2.ListPoliciesResponse:
        """Versions of a policy or of all, the newest first."""
        limit = checked_limit(request.limit)
        found = await asyncio.to_thread(self._list, request.name, limit)
        return model_pb2.ListPoliciesResponse(policies=[info_of(version) for version in found])

    def _list(self, name: str, limit: int) -> list[PolicyVersion]:
        names = [name] if name else self.policies.names()
        found = [version for each in names for version in self.policies.versions(each, limit)]
        return found[:limit]

    async def SetAlias(  # noqa: N802
        self, request: model_pb2.SetAliasRequest, context: Any
    ) -> model_pb2.SetAliasResponse:
        """Point an alias at a version."""
        done = await asyncio.to_thread(self.policies.set_alias, request.name, request.alias, request.version)
        return model_pb2.SetAliasResponse(info=info_of(done))

    async def WatchPolicies(  # noqa: N802
        self, request: model_pb2.WatchPoliciesRequest, context: Any
    ) -> AsyncIterator[model_pb2.WatchPoliciesResponse]:
        """Tell where the aliases point, now and whenever one moves."""
        seen: dict[str, int] = {}
        while True:
            now = await asyncio.to_thread(self._aliases, request.name)
            for alias, version in now.items():
                if seen.get(alias) != version.version:
                    seen[alias] = version.version
                    yield model_pb2.WatchPoliciesResponse(alias=alias, info=info_of(version))
            await asyncio.sleep(WATCH_SECONDS)

    def _aliases(self, name: str) -> dict[str, PolicyVersion]:
        newest = next(self.policies.versions(name, 1), None)
        if newest is None:
            return {}
        pointed = {alias: self.policies.get(name, number) for alias, number in self.policies.aliases(name).items()}
        return {LATEST: newest, **pointed}


def info_of(version: PolicyVersion) -> model_pb2.PolicyInfo:
    """A version as a message."""
    return model_pb2.PolicyInfo(
        name=version.name,
        version=version.version,
        sha256=version.sha256,
        size=version.size,
        parent=version.parent,
        about=json.dumps(version.about),
        created_ms=version.created_ms,
        aliases=version.aliases,
    )


def checked_limit(limit: int) -> int:
    """How many to list. Raises RefusedError."""
    if not 0 <= limit <= MAX_LIST:
        raise invalid("limit", limit, f"0 (for 100) to {MAX_LIST}")
    return limit or 100


def _about(text: str) -> dict[str, Any]:
    try:
        about = json.loads(text or "{}")
        json.dumps(about, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # numbers that JSON does not have, half a character, or too deep a nesting
        raise invalid("info.about", text, "a JSON object") from None
    if not isinstance(about, dict):
        raise invalid("info.about", text, "a JSON object")
    return about


def check_weights(data: bytes) -> None:
    """Refuse what is no safetensors file, or one of numbers that numpy does not have. Raises RefusedError."""
    try:
        load(data)
    except SafetensorError as error:
        raise invalid("chunk.data", f"no safetensors file ({error})", "a safetensors file") from None
    except KeyError as error:
        raise invalid(
            "chunk.data", f"of {error.args[0]} numbers", "a safetensors file of numbers that numpy has"
        ) from None
