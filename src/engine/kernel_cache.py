"""Where compiled kernels are kept between runs.

Numba sees that a kernel's own file has changed, but not that a function it calls, or a constant frozen into it, has
changed in another file: it would go on running the old rule. So the place of the cache names the content of all files
that kernels come from, and any change of a rule starts a new place. It lies in the package's own folder, or where that
cannot be written in the first of these that can: `$NUMBA_CACHE_DIR/stratagem`, `~/.cache/stratagem`, the folder for
temporary files.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

KEPT = 4
"""How many places stay: enough to go back and forth between two checkouts of the code without compiling again."""


def kernel_cache(sources: Path | None = None) -> Path | None:
    """Return the folder for kernels compiled from the files of `sources` as they are now; drop the oldest others.

    `sources` is the folder of the package, the engine's own by default. None where no folder can be written.
    """
    sources = sources or Path(__file__).parent
    digest = hashlib.sha256()
    for name, text in sorted(_kernel_sources(sources).items()):
        digest.update(f"{name}\n{text}\n".encode())
    for places in _homes(sources):
        place = places / digest.hexdigest()[:16]
        is_new = not place.is_dir()
        if _can_write(place):
            if is_new:
                _drop_oldest(places, place)
            return place
    return None


def _homes(sources: Path) -> Iterator[Path]:
    """The folders that places may lie in, the best first."""
    yield sources / "__pycache__" / "kernels"
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"]) / "stratagem"
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache" / "stratagem" / "kernels"
    shared = Path(tempfile.gettempdir()) / f"stratagem-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    with suppress(OSError):
        shared.mkdir(mode=0o700, exist_ok=True)
        if not hasattr(os, "getuid") or shared.lstat().st_uid == os.getuid():  # else its files are somebody else's
            yield shared


def _can_write(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True


def _drop_oldest(places: Path, place: Path) -> None:
    with suppress(OSError):
        others = [other for other in places.iterdir() if other != place]
        others.sort(key=lambda other: other.stat().st_mtime, reverse=True)
        for old in others[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)


def _kernel_sources(sources: Path) -> dict[str, str]:
    """The files that compile something, and those that they import from the package, by dotted name: text."""
    texts = {
        ".".join(path.relative_to(sources).with_suffix("").parts).removesuffix(".__init__"): path.read_text(
            encoding="utf-8"
        )
        for path in sources.rglob("*.py")
    }
    found: dict[str, str] = {}
    todo = [name for name, text in texts.items() if re.search(r"^from engine\.compile import", text, re.MULTILINE)]
    while todo:
        name = todo.pop()
        if name in texts and name not in found:
            found[name] = texts[name]
            todo += re.findall(r"^from engine\.([\w.]+) import", texts[name], re.MULTILINE)
    return found
