"""The registry: immutable versions of policies, and aliases that point at one.

A version is an item that is created once; the weights lie under their own hash and are uploaded before it, so what can
be seen can be read. Publishing the same thing again, after a crash or a lost answer, leads to the same version: an item
named by the content holds the number that this content goes for.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from store import objects
from store.connect import Connection
from store.errors import BusyError, ConflictError, InvalidError, NotFoundError
from store.items import Items
from store.names import POLICIES, alias_item, policy_key, version_item

LATEST, CHAMPION = "latest", "champion"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ALIAS = re.compile(r"[a-z][a-z0-9-]{0,31}")
ROSTER = "#names"  # the partition that lists the policies' names; no policy can be called so
MAX_ABOUT = 64 * 1024  # bytes of JSON
MAX_SIZE = 256 * 1024 * 1024  # bytes of weights
TRIES = 1000


@dataclass(frozen=True)
class PolicyVersion:
    """A published policy. It never changes."""

    name: str
    version: int  # 1, 2, 3 ...
    sha256: str  # of the weights' file
    size: int  # bytes
    parent: int  # the version it was trained on from; 0: none
    about: dict[str, Any]  # network, ruleset, board, steps
    created_ms: int  # Unix time
    aliases: tuple[str, ...] = field(default=(), compare=False)


class Policies:
    """The registry of a deployment."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.bucket = connection.names.models_bucket
        self.items = Items(connection, POLICIES)

    def publish(self, name: str, weights: bytes, about: dict[str, Any], parent: int = 0) -> PolicyVersion:
        """Store a policy as the name's next version; the same weights, metadata and parent again: the same version.

        Raises InvalidError for a name, size or metadata that are not accepted and NotFoundError for an unknown parent.
        """
        check_name(name)
        text = json.dumps(about, sort_keys=True, allow_nan=False)
        if len(text.encode()) > MAX_ABOUT:
            raise InvalidError(f"metadata of policy {name} is {len(text.encode())} bytes; accepted: up to {MAX_ABOUT}")
        if not 1 <= len(weights) <= MAX_SIZE:
            raise InvalidError(f"policy {name} is {len(weights)} bytes; accepted: 1 to {MAX_SIZE}")
        if parent:
            self.get(name, parent)
        sha256 = hashlib.sha256(weights).hexdigest()
        objects.put(self.connection, self.bucket, policy_key(sha256), weights, once=True)
        self.items.create({"policy": ROSTER, "item": name})
        digest = hashlib.sha256(f"{sha256}\n{parent}\n{text}".encode()).hexdigest()
        item = {
            "policy": name,
            "digest": digest,
            "sha256": sha256,
            "size": len(weights),
            "parent": parent,
            "about": text,
            "created_ms": time.time_ns() // 1_000_000,
        }
        return self._number(name, digest, item)

    def _number(self, name: str, digest: str, item: dict[str, Any]) -> PolicyVersion:
        """Give the content a version of its own, however many do so at once."""
        upload = f"upload#{digest}"
        self.items.create({"policy": name, "item": upload, "goes_for": self._newest(name) + 1})
        for _ in range(TRIES):
            intent = self.items.get(name, upload)
            assert intent is not None
            number = intent["goes_for"]
            self.items.create({**item, "item": version_item(number), "number": number})
            stands = self.items.get(name, version_item(number))
            assert stands is not None
            if stands["digest"] == digest:
                return self._version(stands)
            self.items.update(
                name, upload, "SET goes_for = :next", {":next": number + 1, ":old": number}, "goes_for = :old"
            )
        raise BusyError(f"policy {name}: {TRIES} version numbers in a row went to others; try again")

    def _newest(self, name: str) -> int:
        newest = next(self.items.query(name, begins="version#", descending=True, limit=1), None)
        return newest["number"] if newest else 0

    def get(self, name: str, version: int) -> PolicyVersion:
        """A version's metadata. Raises NotFoundError."""
        check_name(name)
        item = self.items.get(name, version_item(version))
        if item is None:
            raise NotFoundError(f"policy {name} has no version {version}; the newest is {self._newest(name)}")
        return self._version(item)

    def resolve(self, name: str, alias: str = LATEST) -> PolicyVersion:
        """The version that an alias points at; "latest" always is the newest. Raises NotFoundError."""
        check_name(name)
        if alias == LATEST:
            newest = next(self.items.query(name, begins="version#", descending=True, limit=1), None)
            if newest is None:
                raise NotFoundError(f'policy "{name}" is unknown; known: {", ".join(self.names()) or "none"}')
            return self._version(newest)
        item = self.items.get(name, alias_item(check_alias(alias)))
        if item is None:
            known = ", ".join([LATEST, *self.aliases(name)])
            raise NotFoundError(f'policy {name} has no alias "{alias}"; known: {known}')
        return self.get(name, item["goes_to"])

    def weights(self, version: PolicyVersion) -> bytes:
        """The safetensors file. Raises NotFoundError, and DamagedError where the hash does not fit."""
        return objects.get(self.connection, self.bucket, policy_key(version.sha256), version.sha256)

    def versions(self, name: str, limit: int | None = None) -> Iterator[PolicyVersion]:
        """Versions of a name, the newest first."""
        aliases = self.aliases(check_name(name))
        for item in self.items.query(name, begins="version#", descending=True, limit=limit):
            yield self._version(item, aliases)

    def names(self) -> list[str]:
        """All names that something was published under."""
        return [item["item"] for item in self.items.query(ROSTER)]

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases that were set, and the versions they point at; "latest" is not among them."""
        return {
            item["item"].removeprefix("alias#"): item["goes_to"]
            for item in self.items.query(check_name(name), begins="alias#")
        }

    def set_alias(self, name: str, alias: str, version: int, expected: int | None = None) -> PolicyVersion:
        """Point an alias at a version; with `expected` only if it points there now (0: at nothing).

        Raises InvalidError, NotFoundError, and ConflictError where another version is found than expected.
        """
        if check_alias(alias) == LATEST:
            raise InvalidError(f'alias "{LATEST}" always is the newest version; accepted: any other alias')
        found = self.get(name, version)
        item = {
            "policy": name,
            "item": alias_item(alias),
            "goes_to": version,
            "updated_ms": time.time_ns() // 1_000_000,
        }
        if expected is None:
            self.items.put(item)
        elif expected == 0:
            self._expect(self.items.create(item), name, alias, version, expected)
        else:
            done = self.items.replace(item, "goes_to = :old", {":old": expected})
            self._expect(done, name, alias, version, expected)
        return found

    def _expect(self, done: bool, name: str, alias: str, version: int, expected: int) -> None:
        """Raise ConflictError unless the alias was moved, by this call or by an earlier try of it."""
        if not done and (now := self.aliases(name).get(alias, 0)) != version:
            raise ConflictError(f"alias {alias} of policy {name} points at {now}; expected: {expected}")

    def _version(self, item: dict[str, Any], aliases: dict[str, int] | None = None) -> PolicyVersion:
        return PolicyVersion(
            name=item["policy"],
            version=item["number"],
            sha256=item["sha256"],
            size=item["size"],
            parent=item["parent"],
            about=json.loads(item["about"]),
            created_ms=item["created_ms"],
            aliases=tuple(alias for alias, number in (aliases or {}).items() if number == item["number"]),
        )


def check_name(name: str) -> str:
    """The name itself. Raises InvalidError."""
    if not NAME.fullmatch(name):
        raise InvalidError(f"policy name {name!r} is not accepted; accepted: 1 to 64 of a-z, 0-9, '.', '_' and '-'")
    return name


def check_alias(alias: str) -> str:
    """The alias itself. Raises InvalidError."""
    if not ALIAS.fullmatch(alias):
        raise InvalidError(f"alias {alias!r} is not accepted; accepted: 1 to 32 of a-z, 0-9 and '-'")
    return alias
