"""The registry of policies: what there is, what it is, where to fetch it, and publishing for whoever may."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from pydantic_core import to_json

from lambdas.http import Body, Serving, Writing, from_base64, problems
from store.errors import InvalidError, NotFoundError
from store.names import export_key, policy_key
from store.policies import ALIAS, LATEST, NAME, PolicyVersion

router = APIRouter(tags=["models"])

LINK_SECONDS = 900
MAX_UPLOAD = 4 * 1024 * 1024  # bytes of weights; as base64 they fit in what a Lambda takes
PolicyName = Annotated[str, Path(pattern=f"^{NAME.pattern}$")]
AliasName = Annotated[str, Path(pattern=f"^{ALIAS.pattern}$")]
Number = Annotated[int, Path(ge=1, lt=10**9)]


class Version(BaseModel):
    """A published policy; it never changes."""

    name: str
    version: int
    sha256: str = Field(description="Of the weights' file.")
    size: int = Field(description="Bytes.")
    parent: int = Field(description="The version it was trained on from; 0: none.")
    about: dict[str, Any] = Field(description="Network, ruleset, board, steps ...")
    created_ms: int = Field(description="Unix time.")
    aliases: list[str]


class Names(BaseModel):
    """The names that policies were published under."""

    names: list[str]


class Versions(BaseModel):
    """Versions of a policy, the newest first, and its aliases."""

    name: str
    versions: list[Version]
    aliases: dict[str, int]


class Link(BaseModel):
    """Where a file can be fetched for a while, with nothing more than the link."""

    url: str
    seconds: int = Field(description="How long the link holds.")
    sha256: str = Field(description="Of the weights' file.")


class Upload(Body):
    """A policy to publish."""

    weights: str = Field(max_length=MAX_UPLOAD * 4 // 3 + 4, description="The safetensors file, base64.")
    about: dict[str, Any]
    parent: int = Field(default=0, ge=0, lt=10**9)


class Pointer(Body):
    """Where an alias shall point."""

    version: int = Field(ge=1, lt=10**9)
    expected: int | None = Field(
        default=None, ge=0, lt=10**9, description="Only if it points there now; 0: at nothing."
    )


def _told(found: PolicyVersion) -> Version:
    return Version(
        name=found.name,
        version=found.version,
        sha256=found.sha256,
        size=found.size,
        parent=found.parent,
        about=found.about,
        created_ms=found.created_ms,
        aliases=list(found.aliases),
    )


@router.get("/models", responses=problems(), operation_id="listModels")
def list_models(services: Serving) -> Names:
    """All policies by name."""
    return Names(names=services.policies.names())


@router.get("/models/{name}", responses=problems(404), operation_id="getModel")
def get_model(services: Serving, name: PolicyName, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Versions:
    """A policy's versions, the newest first, and its aliases."""
    versions = list(services.policies.versions(name, limit))
    if not versions:
        raise NotFoundError(f'policy "{name}" is unknown; known: {", ".join(services.policies.names()) or "none"}')
    aliases = services.policies.aliases(name) | {LATEST: versions[0].version}
    return Versions(name=name, versions=[_told(version) for version in versions], aliases=aliases)


@router.get("/models/{name}/versions/{version}", responses=problems(404), operation_id="getVersion")
def get_version(services: Serving, name: PolicyName, version: Number) -> Version:
    """One version."""
    return _told(services.policies.get(name, version))


@router.get("/models/{name}/aliases/{alias}", responses=problems(404), operation_id="resolveAlias")
def resolve_alias(services: Serving, name: PolicyName, alias: AliasName) -> Version:
    """The version that an alias points at; "latest" always is the newest."""
    return _told(services.policies.resolve(name, alias))


@router.get("/models/{name}/versions/{version}/download", responses=problems(404), operation_id="downloadVersion")
def download_version(
    services: Serving,
    name: PolicyName,
    version: Number,
    form: Annotated[Literal["safetensors", "onnx"], Query()] = "safetensors",
) -> Link:
    """A link to a version's weights, or to its ONNX form where it was exported."""
    found = services.policies.get(name, version)
    key = policy_key(found.sha256) if form == "safetensors" else export_key(found.sha256)
    s3, bucket = services.connection.s3, services.policies.bucket
    if not s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"):
        raise NotFoundError(f"policy {name}, version {version}, is not stored as {form}")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, LINK_SECONDS)
    return Link(url=url, seconds=LINK_SECONDS, sha256=found.sha256)


@router.post(
    "/models/{name}/versions", status_code=201, responses=problems(401, 403, 404, 503), operation_id="publishVersion"
)
def publish_version(services: Writing, name: PolicyName, upload: Upload) -> Version:
    """Publish a policy of up to 4 MiB; the same again is the same version. Needs IAM or the bearer token."""
    weights = from_base64("weights", upload.weights)
    try:
        to_json(upload.about)  # as it will be told: half a character or a too deep list would break every answer
        return _told(services.policies.publish(name, weights, upload.about, upload.parent))
    except ValueError as error:  # those, or numbers that JSON does not have
        raise InvalidError(f"about cannot be kept as JSON: {error}") from None


@router.put("/models/{name}/aliases/{alias}", responses=problems(401, 403, 404, 409), operation_id="setAlias")
def set_alias(services: Writing, name: PolicyName, alias: AliasName, pointer: Pointer) -> Version:
    """Point an alias at a version. Needs IAM or the bearer token."""
    return _told(services.policies.set_alias(name, alias, pointer.version, pointer.expected))
