"""The forms in which environments hand out observations: compact arrays, or float planes."""

from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from engine.actions import expand_mask
from engine.arrays import Float32, Int32, UInt8
from engine.batch import BatchObservation
from engine.board import (
    ARMY_LIMIT,
    MASK_BUILD,
    MASK_MOVES,
    MASK_OWNER_SHIFT,
    RELATION_SHIFT,
    UNOWNED,
    VECTOR_SEAT,
    vector_size,
)
from engine.observation import ARMY_SCALE, PLANES, Observation, planes

HARVEST = 50  # turns from one growth of all land to the next: the clock that the phase plane shows
PLANE_LIMIT = 6.0  # no plane reaches it: log2(1 + 2**31) / ARMY_SCALE is 5.2
INT32_LIMIT = np.iinfo(np.int32).max


def observe(seen: BatchObservation, at: Any, *, copy: bool = True) -> Observation:
    """The observations that `at` picks of a batch's (G, S, ...): `at` = (0, 1) gives one, (slice(None), 1) gives G.

    Copies, unless `copy` is False; then flags, army and vector are views that the batch's next step changes.
    """
    flags, army, mask, vector = seen.flags[at], seen.army[at], seen.mask[at], seen.vector[at]
    owner = None
    if seen.flags.shape[1] > 2:
        owned = (flags >> RELATION_SHIFT) & 3 != UNOWNED
        owner = np.where(owned, 1 + (mask >> MASK_OWNER_SHIFT), 0).astype(np.uint8)
        mask = mask & MASK_MOVES
    if copy:
        flags, army, mask, vector = flags.copy(), army.copy(), mask.copy(), vector.copy()
    return Observation(flags=flags, army=army, mask=mask, owner=owner, vector=vector)


def action_mask(mask: UInt8, castles: bool) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Mask bytes (..., H, W) as one int8 an action, (..., action_count): what `Discrete.sample(mask=...)` takes."""
    return expand_mask(mask.reshape(*mask.shape[:-2], -1), castles).view(np.int8)


class Form(Protocol):
    """A way to hand out observations."""

    def space(self, seats: int, height: int, width: int, lead: tuple[int, ...] = ()) -> spaces.Space[Any]:
        """The space of one observation; `lead` are axes in front of it."""

    def encode(self, observation: Observation) -> Any:
        """An observation, or several along leading axes, as an element of the space."""


class Compact:
    """A dict of flags, army, mask, vector and, with more than two seats, owner, as `engine.observation` describes."""

    def space(self, seats: int, height: int, width: int, lead: tuple[int, ...] = ()) -> spaces.Space[Any]:
        """The space of one observation; `lead` are axes in front of it."""
        board = (*lead, height, width)
        parts: dict[str, spaces.Space[Any]] = {
            "army": spaces.Box(0, ARMY_LIMIT, board, np.int16),
            "flags": spaces.Box(0, 255, board, np.uint8),
            "mask": spaces.Box(0, MASK_MOVES | (MASK_BUILD if seats == 2 else 0), board, np.uint8),
            "vector": spaces.Box(0, INT32_LIMIT, (*lead, vector_size(seats)), np.int32),
        }
        if seats > 2:
            parts["owner"] = spaces.Box(0, seats, board, np.uint8)
        return spaces.Dict(parts)

    def encode(self, observation: Observation) -> dict[str, Any]:
        """The arrays of the observation by name."""
        parts = {
            "army": observation.army,
            "flags": observation.flags,
            "mask": observation.mask,
            "vector": observation.vector,
        }
        if observation.owner is not None:
            parts["owner"] = observation.owner
        return parts


class Planes:
    """One float32 array (P, H, W): `engine.observation.PLANES`, then the vector as constant planes.

    The latter are turn mod 50 / 50 and turn mod 2, then land / (H * W) of each seat, itself first, then
    log2(1 + army) / 6 of each. So P is 18 + 2 * S.
    """

    def space(self, seats: int, height: int, width: int, lead: tuple[int, ...] = ()) -> spaces.Space[Any]:
        """The space of one observation; `lead` are axes in front of it."""
        return spaces.Box(0.0, PLANE_LIMIT, (*lead, len(PLANES) + 2 + 2 * seats, height, width), np.float32)

    def encode(self, observation: Observation) -> Float32:
        """The observation as planes."""
        *lead, height, width = observation.flags.shape
        numbers = self._numbers(observation.vector, height * width)
        result = np.empty((*lead, len(PLANES) + numbers.shape[-1], height, width), np.float32)
        planes(observation.flags, observation.army, out=result[..., : len(PLANES), :, :])
        result[..., len(PLANES) :, :, :] = numbers[..., None, None]
        return result

    @staticmethod
    def _numbers(vector: Int32, tiles: int) -> Float32:
        """What the constant planes hold, (..., 2 + 2 * S)."""
        seats = (vector.shape[-1] - 1) // VECTOR_SEAT
        numbers = np.empty((*vector.shape[:-1], 2 + 2 * seats), np.float32)
        turn = vector[..., 0]
        numbers[..., 0] = turn % HARVEST / HARVEST
        numbers[..., 1] = turn % 2
        numbers[..., 2 : 2 + seats] = vector[..., 1::VECTOR_SEAT] / tiles
        numbers[..., 2 + seats :] = np.log2(1.0 + vector[..., 2::VECTOR_SEAT]) / ARMY_SCALE
        return numbers


FORMS: dict[str, Form] = {"compact": Compact(), "planes": Planes()}


def find_form(name: str) -> Form:
    """A form by name. Raises ValueError for an unknown one."""
    if name not in FORMS:
        raise ValueError(f'observation "{name}" is unknown; known: {", ".join(FORMS)}')
    return FORMS[name]
