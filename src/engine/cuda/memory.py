"""Device memory under the names and shapes of host arrays, shared without a copy."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.arrays import Int32


class DeviceView:
    """An array in a GPU's memory: torch, CuPy, JAX and numba take it as it is, by `__cuda_array_interface__`."""

    def __init__(self, interface: dict[str, Any], owner: object) -> None:
        self.__cuda_array_interface__ = interface
        self._owner = owner

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        shape: tuple[int, ...] = self.__cuda_array_interface__["shape"]
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its elements."""
        kind: np.dtype[Any] = np.dtype(self.__cuda_array_interface__["typestr"])
        return kind


class SimulatedView:
    """The same where numba's simulator stands in for the GPU: memory of the host."""

    def __init__(self, interface: dict[str, Any], owner: object) -> None:
        self.__array_interface__ = interface
        self._owner = owner


def template(games: int, words: int) -> Int32:
    """An array of the shape and strides of rows (G, N) without their memory: to find where its views lie."""
    return np.lib.stride_tricks.as_strided(np.zeros(1, np.int32), (games, words), (4 * words, 4))


def views_of(array: Any, like: Int32, views: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The views that `views` are of `like`, a `template`, of a device array instead, by name.

    Each is a `DeviceView`; in the simulator, a numpy array over the simulated memory.
    """
    origin = like.__array_interface__["data"][0]
    real = hasattr(array, "__cuda_array_interface__")
    address = (array.__cuda_array_interface__ if real else array.__array_interface__)["data"][0]
    found: dict[str, Any] = {}
    for name, view in views.items():
        interface = {
            "shape": view.shape,
            "strides": view.strides,
            "typestr": view.dtype.str,
            "data": (address + view.__array_interface__["data"][0] - origin, False),
            "version": 3,
        }
        found[name] = DeviceView(interface, array) if real else np.asarray(SimulatedView(interface, array))
    return found
