"""Tags of images that tell which code is in them."""

import re
import subprocess
from pathlib import Path

import pytest

from cloud.code import code_tag
from cloud.errors import CloudError


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_other_code_has_another_tag_and_the_same_code_the_same(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "a").write_text("one")
    (tmp_path / ".gitignore").write_text("built\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    first = code_tag(tmp_path)
    (tmp_path / "built").write_text("ignored")
    assert code_tag(tmp_path) == first
    assert re.fullmatch("code-[0-9a-f]{12}", first)
    tags = [first]
    for change in ((tmp_path / "a", "two"), (tmp_path / "a", "three"), (tmp_path / "new", "untracked")):
        change[0].write_text(change[1])
        assert code_tag(tmp_path) == code_tag(tmp_path)
        assert code_tag(tmp_path).startswith(f"{first}-")
        tags.append(code_tag(tmp_path))
    (tmp_path / "a").unlink()
    tags.append(code_tag(tmp_path))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "second")
    tags.append(code_tag(tmp_path))
    assert len(set(tags)) == len(tags)


def test_without_git_a_tag_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="name the images' tag yourself, --tag NAME"):
        code_tag(tmp_path)
