"""Checks of the values in a replay, and of JSON before it is built: what is refused is named in one clear line."""

import json
import math
import reprlib
from collections.abc import Sequence
from itertools import chain
from typing import Any, NoReturn

import numpy as np

from engine.arrays import Int32

MAX_TEXT = 8 << 20
"""Longest JSON text of one replay, in characters. The longest games of the site have some 500,000."""
MAX_VALUES = 700_000
"""Most JSON values in one replay: a hundred thousand moves, and at most some 80 MB once they are Python objects."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 40
_short.maxlevel, _short.maxlist, _short.maxdict = 2, 4, 2


class ReplayError(ValueError):
    """A replay cannot be used; the message is one line that names the thing, its value and what is accepted."""


def show(value: Any) -> str:
    """A value as a message shows it: short, on one line, without control characters."""
    text = ascii(value) if isinstance(value, str) and len(value) <= 40 else _short.repr(value)
    return text if text.isascii() and text.isprintable() else ascii(text)


def load_json(text: str | bytes) -> Any:
    """The value of a JSON text that has a bounded size, depth and number of values.

    Raises:
        ReplayError: the text is too long, holds too many values, nests too deep, is no UTF-8 or no JSON; NaN and
            infinities are no JSON here.
    """
    _check_length(text)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ReplayError(f"text is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}") from None
    check_json_size(text)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ReplayError:
        raise
    except json.JSONDecodeError as error:
        raise ReplayError(f"text is not JSON: {error.msg.lower()} at character {error.pos} of {len(text)}") from None
    except RecursionError:
        raise ReplayError("JSON text nests too deep; a replay nests 3 levels") from None
    except ValueError:
        raise ReplayError("JSON text holds an integer of thousands of digits; a replay's fit in 32 bits") from None


def check_json_size(text: str) -> None:
    """Refuse a JSON text that is too long or holds too many values to be read."""
    _check_length(text)
    values = text.count("[") + text.count("{") + text.count(",")
    if values > MAX_VALUES:
        raise ReplayError(f"JSON text holds some {values} values; at most {MAX_VALUES} are accepted for one replay")


def _check_length(text: str | bytes) -> None:
    if len(text) > MAX_TEXT:
        raise ReplayError(f"JSON text has {len(text)} characters; at most {MAX_TEXT} are accepted for one replay")


def _refuse_constant(name: str) -> NoReturn:
    raise ReplayError(f"text is not JSON: {name} is no JSON number")


def integer(name: str, value: Any, low: int, high: int) -> int:
    """An integer (no bool, float or string) from ``low`` to ``high``."""
    if type(value) is not int or not low <= value <= high:
        raise ReplayError(f"{name} is {show(value)}; accepted: an integer from {low} to {high}")
    return value


def string(name: str, value: Any, longest: int) -> str:
    """A string of at most ``longest`` characters."""
    if type(value) is not str:
        raise ReplayError(f"{name} is {show(value)}; accepted: a string")
    if len(value) > longest:
        raise ReplayError(f"{name} has {len(value)} characters; at most {longest} are accepted")
    return value


def listing(name: str, value: Any) -> list[Any]:
    """A list; null stands for an empty one, as in the files of the site."""
    if value is None:
        return []
    if type(value) is not list:
        raise ReplayError(f"{name} is {show(value)}; accepted: a list")
    return value


def integers(name: str, value: Any, low: int, high: int) -> Int32:
    """A list of integers from ``low`` to ``high``, as int32."""
    items = listing(name, value)
    for index, item in enumerate(items):
        if type(item) is not int or not low <= item <= high:
            raise ReplayError(f"{name}[{index}] is {show(item)}; accepted: an integer from {low} to {high}")
    return np.array(items, np.int32)


def numbers(name: str, value: Any) -> tuple[float | None, ...]:
    """A list of finite numbers or nulls."""
    items = listing(name, value)
    for index, item in enumerate(items):
        if item is not None and (type(item) not in (int, float) or not math.isfinite(item)):
            raise ReplayError(f"{name}[{index}] is {show(item)}; accepted: a finite number or null")
    return tuple(items)


def rows(name: str, value: Any, columns: Sequence[str], bounds: Sequence[tuple[int, int]], flag: int = -1) -> Int32:
    """A list of rows of integers as int32 of shape (rows, columns).

    Args:
        name: what the rows are, for messages: ``moves``.
        value: lists of ``len(columns)`` integers, or objects that have at least those keys.
        columns: the keys of an object, also the names in messages.
        bounds: lowest and highest value of each column.
        flag: the column that may also hold true and false; -1 for none.
    """
    items = listing(name, value)
    width = len(columns)
    kinds = set(map(type, items))
    if kinds == {dict}:
        try:
            items = [[item[column] for column in columns] for item in items]
        except KeyError as error:
            raise ReplayError(f"one of {name} lacks {show(error.args[0])}; each has {', '.join(columns)}") from None
    elif kinds and (kinds != {list} or set(map(len, items)) != {width}):
        index = next(i for i, item in enumerate(items) if type(item) is not list or len(item) != width)
        raise ReplayError(f"{name}[{index}] is {show(items[index])}; accepted: a list of {', '.join(columns)}")
    if set(map(type, chain.from_iterable(items))) - {int}:
        _refuse_types(name, items, columns, flag)
    try:
        table = np.fromiter(chain.from_iterable(items), np.int64, len(items) * width).reshape(-1, width)
    except OverflowError:  # what is cut off here is refused below, with its own value in the message
        table = np.array([[max(-(1 << 40), min(1 << 40, entry)) for entry in item] for item in items], np.int64)
    wrong = (table < [low for low, _ in bounds]) | (table > [high for _, high in bounds])
    if wrong.any():
        index, column = (int(i) for i in np.argwhere(wrong)[0])
        low, high = bounds[column]
        raise ReplayError(
            f"{name}[{index}] has {columns[column]} {show(items[index][column])}; accepted: {low} to {high}"
        )
    return table.astype(np.int32)


def _refuse_types(name: str, items: list[list[Any]], columns: Sequence[str], flag: int) -> None:
    for index, item in enumerate(items):
        for column, entry in enumerate(item):
            if type(entry) is not int and not (column == flag and type(entry) is bool):
                raise ReplayError(f"{name}[{index}] has {columns[column]} {show(entry)}; accepted: an integer")
