"""Make `Generals-v0` known to Gymnasium and EnvPool without importing either.

`import stratagem` must stay light, EnvPool is optional, and neither library has a plugin mechanism that would load us.
So a registration runs at once where the library is already imported, and else in the moment somebody imports it.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "Generals-v0"


def register_all() -> None:
    """Register with whatever is imported now or later. Called again, it changes nothing."""
    _when_imported("gymnasium", _register_with_gymnasium)
    _when_imported("envpool", _register_with_envpool)


def _register_with_gymnasium(gymnasium: ModuleType) -> None:
    if NAME not in gymnasium.registry:
        gymnasium.register(
            NAME,
            entry_point="engine.envs.generals_env:GeneralsEnv",
            vector_entry_point="engine.envs.vector_env:GeneralsVectorEnv",
        )


def _register_with_envpool(envpool: ModuleType) -> None:
    if NAME not in envpool.list_all_envs():
        envpool.register(
            task_id=NAME,
            import_path="engine.envs.envpool_pool",
            spec_cls="GeneralsEnvSpec",
            dm_cls="GeneralsDMEnvPool",
            gymnasium_cls="GeneralsGymnasiumEnvPool",
        )


def _when_imported(name: str, then: Callable[[ModuleType], None]) -> None:
    """Call `then(module)` now if the module is there, else right after it has been imported."""
    if name in sys.modules:
        then(sys.modules[name])
    elif not any(isinstance(finder, _Watcher) and finder.name == name for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watcher(name, then))


class _Watcher(MetaPathFinder):
    """Stands first among the finders and lets the others find the module, with a loader that calls back."""

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self.name, self._then, self._searching = name, then, False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._loaded)
        return spec

    def _loaded(self, module: ModuleType) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._then(module)


class _Loader(Loader):
    """A module's own loader, and a call afterwards."""

    def __init__(self, loader: Loader, then: Callable[[ModuleType], None]) -> None:
        self._loader, self._then = loader, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)  # resources, sources: whatever else a loader is asked for

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._then(module)
