"""Which code this is, as a tag of images: the same code has the same tag, other code another."""

import hashlib
import subprocess
from pathlib import Path

from cloud.assembly import ROOT
from cloud.errors import CloudError


def code_tag(root: Path = ROOT) -> str:
    """The commit, with a hash of all files where they differ from it: "code-COMMIT-HASH". Raises CloudError."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD").decode().strip()
    if not _git(root, "status", "--porcelain"):
        return f"code-{commit}"
    names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split(b"\0")
    digest = hashlib.sha256()
    for name in sorted(set(names) - {b""}):
        path = root / name.decode(errors="surrogateescape")
        digest.update(name + b"\0" + (hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""))
    return f"code-{commit}-{digest.hexdigest()[:8]}"


def _git(root: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise CloudError(f"git does not tell which code {root} is: name the images' tag yourself, --tag NAME") from None
