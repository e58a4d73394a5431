"""The journal of the local store: played again at a start, and written anew as the present state when it has grown.

A line is a request that changed something, or after a rewriting an item of DynamoDB as it was then. Requests that write
items, which are nearly all, go straight to moto's tables: that takes a tenth of the time that they took as requests.

A rewriting keeps what made tables, buckets and the objects that stand, and tells each item once. It is written beside
the journal and takes its place at once, so a kill at any moment leaves the one or the other, and both tell the same.
"""

import json
import os
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.utils import get_service_model
from werkzeug.test import EnvironBuilder, run_wsgi_app

REWRITE_AFTER = 1000  # requests that wrote items or objects, since the journal was last written anew
TELL_SECONDS = 5.0  # between two words about how far it is
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")


def play(journal: Path, app: Any, told: Callable[[str], None]) -> None:
    """Do again what a journal tells, by moto's WSGI application; a last line that was cut off was never answered, and
    is cut away.

    Raises ValueError for a journal that is damaged before its last line.
    """
    if not journal.exists():
        return
    player, good, size = Player(app), 0, journal.stat().st_size
    following = time.monotonic() + TELL_SECONDS
    with journal.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if entry is None:
                if file.read(1):
                    raise ValueError(f"{journal}, line {number}: is damaged; accepted: a journal as written")
                break
            good += len(line)
            try:
                player.play(number, entry)
            except Exception as error:
                raise ValueError(f"{journal}, line {number}: cannot be played: {error!r}") from error
            if time.monotonic() >= following:
                following = time.monotonic() + TELL_SECONDS
                told(f"reading {journal}: {good >> 20:,} of {size >> 20:,} MB")
    with journal.open("r+b") as file:
        file.truncate(good)
    if player.writes >= REWRITE_AFTER and player.known:
        told(f"writing {journal} anew")
        _rewrite(journal, player)


class Player:
    """Plays a journal's lines, and finds out which of them a shorter one needs."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._model = get_service_model("dynamodb")
        self._parsers = {name: self._parser(name) for name in WRITES}
        self.writes = 0
        self.known = True  # whether all requests are of the kinds that are told apart here
        self.tables: set[tuple[str, str]] = set()  # region and name
        self._makers: set[int] = set()  # lines that made or changed tables and buckets
        self._objects: dict[str, int] = {}  # paths of the objects that stand, and the lines that put them

    @property
    def needed(self) -> set[int]:
        """The lines that must stay; the items of `tables` come after them."""
        return self._makers | set(self._objects.values())

    def items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All items: the region and the body of the request that would put it."""
        for region, name in sorted(self.tables):
            table = _dynamodb(region).tables.get(name)
            for item in table.all_items() if table else ():
                yield region, {"TableName": name, "Item": _sent({"M": item.to_json()["Attributes"]})["M"]}

    def play(self, number: int, entry: dict[str, Any]) -> None:
        """Play a line."""
        if "item" in entry:
            self._put(entry["region"], self._parsed("PutItem", json.dumps(entry["item"]).encode()))
            return
        headers = {name.lower(): value for name, value in entry["headers"]}
        body, target = b64decode(entry["body"]), headers.get("x-amz-target", "").rpartition(".")[2]
        found = re.search(r"Credential=[^/]+/\d+/([^/]+)/dynamodb/", headers.get("authorization", ""))
        if target and found:
            region = found[1]
            if target in WRITES:
                self.writes += 1
                self._write(region, target, self._parsed(target, body))
                return
            self._makers.add(number)
            if target == "CreateTable":
                self.tables.add((region, json.loads(body)["TableName"]))
        else:
            self._note(number, entry, headers, body)
        builder = EnvironBuilder(
            method=entry["method"],
            path=quote(entry["path"].encode("latin-1")),  # WSGI tells the bytes of a path by Latin-1
            query_string=entry["query"],
            headers=[tuple(pair) for pair in entry["headers"]],
            data=body,
            base_url="http://127.0.0.1",
        )
        run_wsgi_app(self._app, builder.get_environ(), buffered=True)

    def _note(self, number: int, entry: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
        """Note down what a request to S3 does to objects."""
        method, query, path = entry["method"], entry["query"], entry["path"].encode("latin-1").decode()
        bucket, _, key = path.strip("/").partition("/")
        if method == "PUT" and not query and not key:
            self._makers.add(number)
        elif method == "PUT" and not query and "x-amz-copy-source" not in headers:
            self.writes += path in self._objects
            self._objects[path] = number
        elif method == "DELETE" and not query and key:
            self.writes += 1
            self._objects.pop(path, None)
        elif method == "POST" and query.rstrip("=") == "delete" and not key:
            self.writes += 1
            for element in ElementTree.fromstring(body).iter():
                if element.tag.rpartition("}")[2] == "Key":
                    self._objects.pop(f"/{bucket}/{element.text}", None)
        else:
            self.known = False

    def _parser(self, name: str) -> Any:
        return PROTOCOL_PARSERS["json"](self._model.operation_model(name), map_type=dict)

    def _parsed(self, name: str, body: bytes) -> dict[str, Any]:
        request = {"method": "POST", "values": {}, "headers": {}, "body": body, "url_path": "/", "url_params": {}}
        parsed: dict[str, Any] = self._parsers[name].parse(request)
        return parsed

    def _write(self, region: str, name: str, request: dict[str, Any]) -> None:
        """A request that was answered: its condition held."""
        if name == "PutItem":
            self._put(region, request)
        elif name == "BatchWriteItem":
            for table, writes in request["RequestItems"].items():
                for write in writes:
                    if "PutRequest" in write:
                        self._put(region, {"TableName": table, "Item": write["PutRequest"]["Item"]})
                    else:
                        _dynamodb(region).delete_item(table, write["DeleteRequest"]["Key"])
        elif name == "DeleteItem":
            _dynamodb(region).delete_item(request["TableName"], request["Key"])
        else:
            _dynamodb(region).update_item(
                request["TableName"],
                request["Key"],
                update_expression=request.get("UpdateExpression", ""),
                attribute_updates=request.get("AttributeUpdates"),
                expression_attribute_names=request.get("ExpressionAttributeNames", {}),
                expression_attribute_values=request.get("ExpressionAttributeValues", {}),
            )

    def _put(self, region: str, request: dict[str, Any]) -> None:
        _dynamodb(region).put_item(request["TableName"], request["Item"], overwrite=True)


def _dynamodb(region: str) -> Any:
    return get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][region]


def _sent(value: dict[str, Any]) -> dict[str, Any]:
    """A value as DynamoDB's JSON has it: moto keeps binaries as bytes."""
    (kind, content), *_ = value.items()
    if kind == "B":
        return {kind: b64encode(content).decode()}
    if kind == "BS":
        return {kind: [b64encode(each).decode() for each in content]}
    if kind == "L":
        return {kind: [_sent(each) for each in content]}
    if kind == "M":
        return {kind: {name: _sent(each) for name, each in content.items()}}
    return value


def _rewrite(journal: Path, player: Player) -> None:
    needed, beside = player.needed, journal.with_name(f"{journal.name}.new")
    with journal.open("rb") as old, beside.open("wb") as new:
        for number, line in enumerate(old, 1):
            if number in needed:
                new.write(line)
        for region, item in player.items():
            new.write(json.dumps({"region": region, "item": item}).encode() + b"\n")
        new.flush()
        os.fsync(new.fileno())
    beside.replace(journal)
