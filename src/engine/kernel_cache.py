"""Where compiled kernels are kept between runs.

Numba sees that a kernel's own file has changed, but not that a function it calls, or a constant frozen into it, has
changed in another file: it would go on running the old rule. So the place of the cache names the content of all files
that kernels come from, and any change of a rule starts a new place.
"""

import hashlib
import re
import shutil
from pathlib import Path

KEPT = 4
"""How many places stay: enough to go back and forth between two checkouts of the code without compiling again."""


def kernel_cache(sources: Path | None = None) -> Path:
    """Return the folder for kernels compiled from the files of `sources` as they are now; drop the oldest others.

    `sources` is the folder of the package, the engine's own by default. Nothing is raised where it cannot be written:
    numba then falls back on the user's cache.
    """
    sources = sources or Path(__file__).parent
    digest = hashlib.sha256()
    for name, text in sorted(_kernel_sources(sources).items()):
        digest.update(f"{name}\n{text}\n".encode())
    places = sources / "__pycache__" / "kernels"
    place = places / digest.hexdigest()[:16]
    if not place.is_dir():
        try:
            place.mkdir(parents=True, exist_ok=True)
            others = [other for other in places.iterdir() if other != place]
            others.sort(key=lambda other: other.stat().st_mtime, reverse=True)
        except OSError:
            return place
        for old in others[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
    return place


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
