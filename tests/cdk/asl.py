"""A small walker of Amazon States Language: what AWS would do with a definition whose tasks are functions.

It knows what the training machine uses: Task with Parameters, Retry, Catch and ResultPath; Choice; Pass; Succeed; Fail;
States.Format and States.JsonToString. Anything else raises, so that nothing is passed over in silence.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Task = Callable[[dict[str, Any]], Any]
FIELDS = {
    "Task": {
        "Type", "Resource", "Parameters", "Retry", "Catch", "ResultPath", "Next", "TimeoutSeconds", "HeartbeatSeconds",
    },
    "Choice": {"Type", "Choices", "Default"},
    "Pass": {"Type", "Result", "ResultPath", "Next"},
    "Succeed": {"Type"},
    "Fail": {"Type", "Error", "CausePath"},
}  # fmt: skip


class TaskError(Exception):
    """A task failed, by AWS's name of the error and its cause."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


@dataclass
class Walk:
    """What became of an execution."""

    path: list[str] = field(default_factory=list)  # states in their order
    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the tasks' parameters by state
    data: dict[str, Any] = field(default_factory=dict)
    failure: tuple[str, str] | None = None


def successors(state: dict[str, Any]) -> Iterator[str]:
    """The states that can follow a state."""
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for row in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield row["Next"]


def check(definition: dict[str, Any]) -> None:
    """Every field is known, every successor exists, every state is reached, every state goes on or ends."""
    states = definition["States"]
    for name, state in states.items():
        assert set(state) <= FIELDS[state["Type"]], (name, set(state) - FIELDS[state["Type"]])
        assert set(successors(state)) <= set(states), name
        assert state["Type"] in ("Succeed", "Fail") or list(successors(state)), name
        for row in (*state.get("Retry", ()), *state.get("Catch", ())):
            assert "States.ALL" not in row["ErrorEquals"] or row["ErrorEquals"] == ["States.ALL"], name
        for row in state.get("Catch", [])[:-1]:
            assert row["ErrorEquals"] != ["States.ALL"], f"{name}: States.ALL must come last"
    reached, ahead = set(), [definition["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += successors(states[name])
    assert reached == set(states), set(states) - reached


def walk(definition: dict[str, Any], given: dict[str, Any], tasks: dict[str, Task]) -> Walk:
    """Execute a definition on an input; `tasks` by state name, those that are not named answer {}."""
    done = Walk(data=json.loads(json.dumps(given)))
    name = definition["StartAt"]
    while True:
        state = definition["States"][name]
        done.path.append(name)
        assert len(done.path) < 100, done.path
        if state["Type"] == "Succeed":
            return done
        if state["Type"] == "Fail":
            done.failure = state["Error"], _value(state["CausePath"], done.data)
            return done
        if state["Type"] == "Choice":
            name = next((row["Next"] for row in state["Choices"] if _holds(row, done.data)), state["Default"])
        elif state["Type"] == "Pass":
            _put(done.data, state["ResultPath"], state["Result"])
            name = state["Next"]
        else:
            name = _task(name, state, done, tasks.get(name, lambda parameters: {}))


def _task(name: str, state: dict[str, Any], done: Walk, task: Task) -> str:
    """Run a task with its retries; the next state."""
    tried: dict[int, int] = {}
    while True:
        parameters = _filled(state["Parameters"], done.data)
        done.calls.setdefault(name, []).append(parameters)
        try:
            _put(done.data, state.get("ResultPath", "$"), task(parameters))
        except TaskError as failure:
            row = next((i for i, r in enumerate(state.get("Retry", [])) if _names(r, failure.error)), None)
            if row is not None and tried.get(row, 0) < state["Retry"][row]["MaxAttempts"]:
                tried[row] = tried.get(row, 0) + 1
                continue
            for catch in state.get("Catch", []):
                if _names(catch, failure.error):
                    _put(done.data, catch["ResultPath"], {"Error": failure.error, "Cause": failure.cause})
                    return str(catch["Next"])
            raise
        return str(state["Next"])


def _names(row: dict[str, Any], error: str) -> bool:
    """Whether a rule is of an error; States.TaskFailed is of every task's error but a timeout."""
    names = row["ErrorEquals"]
    task = "States.TaskFailed" in names and not error.endswith("Timeout")
    return error in names or "States.ALL" in names or task


def _holds(row: dict[str, Any], data: dict[str, Any]) -> bool:
    value = _value(row["Variable"], data)
    if "BooleanEquals" in row:
        return bool(value is row["BooleanEquals"])
    if "NumericGreaterThan" in row:
        return bool(value > row["NumericGreaterThan"])
    if "StringEquals" in row:
        return bool(value == row["StringEquals"])
    if "StringMatches" in row:
        return fnmatch.fnmatchcase(value, row["StringMatches"])
    raise NotImplementedError(row)


def _filled(parameters: Any, data: dict[str, Any]) -> Any:
    if isinstance(parameters, list):
        return [_filled(part, data) for part in parameters]
    if not isinstance(parameters, dict):
        return parameters
    return {
        key.removesuffix(".$"): _value(value, data) if key.endswith(".$") else _filled(value, data)
        for key, value in parameters.items()
    }


def _value(expression: str, data: dict[str, Any]) -> Any:
    """What a path or an intrinsic function says. Raises KeyError for a path that is not there, as AWS fails."""
    if expression == "$$.Task.Token":
        return "TOKEN"
    if found := re.fullmatch(r"States\.Format\('([^']*)'((?:, *\$[.\w]*)*)\)", expression):
        values = [_value(part.strip(), data) for part in found[2].split(",")[1:]]
        assert found[1].count("{}") == len(values), expression
        return found[1].format(*values)
    if found := re.fullmatch(r"States\.JsonToString\((.*)\)", expression):
        return json.dumps(_value(found[1], data))
    if not re.fullmatch(r"\$(\.\w+)*", expression):
        raise NotImplementedError(expression)
    value: Any = data
    for part in expression.split(".")[1:]:
        value = value[part]
    return value


def _put(data: dict[str, Any], path: str | None, value: Any) -> None:
    if path is not None:
        assert re.fullmatch(r"\$\.\w+", path), path
        data[path[2:]] = value


def as_service_names(value: Any, shape: Any) -> Any:
    """Step Functions writes every member with a capital; ECS's own names begin small."""
    if shape.type_name == "structure":
        by_name = {name.lower(): (name, member) for name, member in shape.members.items()}
        return {by_name[key.lower()][0]: as_service_names(part, by_name[key.lower()][1]) for key, part in value.items()}
    if shape.type_name == "list":
        return [as_service_names(part, shape.member) for part in value]
    return value
