"""DynamoDB items as plain dictionaries, and the conditional writes that everything here is made of.

Every write touches one item and is conditional: that is exact on DynamoDB and on its stand-ins alike, which
transactions over several items are not.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from store.connect import Connection, error_code
from store.names import TableSchema

_SERIALIZER, _DESERIALIZER = TypeSerializer(), TypeDeserializer()


def to_attributes(item: dict[str, Any]) -> dict[str, Any]:
    """A plain dictionary as DynamoDB's attribute map; floats are not accepted, they would not come back exactly."""
    return {name: _SERIALIZER.serialize(value) for name, value in item.items()}


def from_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's attribute map as a plain dictionary: numbers as int, binaries as bytes."""
    return {name: _plain(_DESERIALIZER.deserialize(value)) for name, value in attributes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, Binary):
        return bytes(value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value


class Items:
    """The items of one table."""

    def __init__(self, connection: Connection, schema: TableSchema) -> None:
        self.connection, self.schema = connection, schema
        self.table = connection.names.table(schema)

    def _key(self, partition: str, sort: str) -> dict[str, Any]:
        return to_attributes({self.schema.partition.name: partition, self.schema.sort.name: sort})

    def get(self, partition: str, sort: str) -> dict[str, Any] | None:
        """An item as it is now, or None."""
        answer = self.connection.dynamodb.get_item(
            TableName=self.table, Key=self._key(partition, sort), ConsistentRead=True
        )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def put(self, item: dict[str, Any]) -> None:
        """Put an item over whatever stands under its key."""
        self.connection.dynamodb.put_item(TableName=self.table, Item=to_attributes(item))

    def create(self, item: dict[str, Any]) -> bool:
        """Put an item unless one stands under its key; whether it was put."""
        return self._conditional(
            self.connection.dynamodb.put_item,
            TableName=self.table,
            Item=to_attributes(item),
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": self.schema.partition.name},
        )

    def replace(self, item: dict[str, Any], condition: str, values: dict[str, Any]) -> bool:
        """Put an item if a condition holds for the one that stands there; whether it did.

        `condition` is DynamoDB's language; words that it reserves are to be avoided as attribute names.
        """
        return self._conditional(
            self.connection.dynamodb.put_item,
            TableName=self.table,
            Item=to_attributes(item),
            ConditionExpression=condition,
            ExpressionAttributeValues=to_attributes(values),
        )

    def update(
        self,
        partition: str,
        sort: str,
        change: str,
        values: dict[str, Any],
        condition: str | None = None,
        names: dict[str, str] | None = None,
    ) -> bool:
        """Change an item by DynamoDB's UpdateExpression if a condition holds; whether it did."""
        request: dict[str, Any] = {"TableName": self.table, "Key": self._key(partition, sort)}
        request["UpdateExpression"] = change
        if values:
            request["ExpressionAttributeValues"] = to_attributes(values)
        if names:
            request["ExpressionAttributeNames"] = names
        if condition:
            request["ConditionExpression"] = condition
        return self._conditional(self.connection.dynamodb.update_item, **request)

    def remove(self, partition: str, sort: str, condition: str, values: dict[str, Any]) -> bool:
        """Remove an item if a condition holds for it; whether it did."""
        return self._conditional(
            self.connection.dynamodb.delete_item,
            TableName=self.table,
            Key=self._key(partition, sort),
            ConditionExpression=condition,
            ExpressionAttributeValues=to_attributes(values),
        )

    def put_many(self, items: Sequence[dict[str, Any]]) -> None:
        """Put items over whatever stands under their keys, which must differ."""
        for begin in range(0, len(items), 25):
            left = {self.table: [{"PutRequest": {"Item": to_attributes(item)}} for item in items[begin : begin + 25]]}
            while left:
                left = self.connection.dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}

    def present(self, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these keys have items now."""
        partition, sort = self.schema.partition.name, self.schema.sort.name
        found: set[tuple[str, str]] = set()
        unique = list(dict.fromkeys(keys))
        for begin in range(0, len(unique), 100):
            left: dict[str, Any] = {
                self.table: {
                    "Keys": [self._key(*key) for key in unique[begin : begin + 100]],
                    "ConsistentRead": True,
                    "ProjectionExpression": "#p, #s",
                    "ExpressionAttributeNames": {"#p": partition, "#s": sort},
                }
            }
            while left:
                answer = self.connection.dynamodb.batch_get_item(RequestItems=left)
                for attributes in answer["Responses"].get(self.table, ()):
                    item = from_attributes(attributes)
                    found.add((item[partition], item[sort]))
                left = answer.get("UnprocessedKeys") or {}
        return found

    def delete(self, partition: str, sort: str) -> None:
        """Remove an item if it is there."""
        self.connection.dynamodb.delete_item(TableName=self.table, Key=self._key(partition, sort))

    def query(
        self,
        partition: str,
        *,
        begins: str = "",
        index: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Items of a partition in the order of their sort keys, those that begin with `begins`.

        Of an index: those it holds; an index may lag behind by moments.
        """
        which = next((i for i in self.schema.indexes if i.name == index), None)
        partition_key = which.partition.name if which else self.schema.partition.name
        request: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "#partition = :partition",
            "ExpressionAttributeNames": {"#partition": partition_key},
            "ExpressionAttributeValues": to_attributes({":partition": partition}),
            "ScanIndexForward": not descending,
        }
        if index:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        if begins:
            request["KeyConditionExpression"] += " AND begins_with(#sort, :begins)"
            request["ExpressionAttributeNames"]["#sort"] = self.schema.sort.name
            request["ExpressionAttributeValues"] |= to_attributes({":begins": begins})
        left = limit
        while left is None or left > 0:
            answer = self.connection.dynamodb.query(**request, **({"Limit": left} if left is not None else {}))
            for attributes in answer["Items"]:
                yield from_attributes(attributes)
            if left is not None:
                left -= len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    @staticmethod
    def _conditional(call: Any, **request: Any) -> bool:
        try:
            call(**request)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True
