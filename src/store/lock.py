"""A file or folder that one process has to itself for as long as it lives: `kill -9` gives it back as well."""

import sys
from pathlib import Path
from typing import IO

NAME = "lock"  # of the file in a folder; it stays there


def lock_folder(folder: Path) -> IO[bytes]:
    """Make a folder this process's own, until the file that is returned is closed.

    Raises OSError where another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return lock_file(folder / NAME)
    except BlockingIOError:
        raise OSError(
            f"folder {folder} is in use by another process; stop that one, or name another folder with --data"
        ) from None


def lock_file(path: Path) -> IO[bytes]:
    """The same for a file, which is made if need be.

    Raises BlockingIOError where another process has it, another OSError where the file system knows no locks.
    """
    file = path.open("ab")
    try:
        _lock(file)
    except OSError as error:
        file.close()
        if isinstance(error, (BlockingIOError, PermissionError)):
            raise BlockingIOError(f"{path} is in use by another process") from None
        raise
    return file


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
