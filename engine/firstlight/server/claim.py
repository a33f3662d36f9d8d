"""Which server of a home answers at an address: a locked file that names its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class Claim:
    """``run/<host>:<port>.pid`` in ``home``.

    The lock ends with the process, however that ends: the number in a file that nobody locks is no server's. A
    successor puts a file of its own into the place, so nobody ever waits for the lock.
    """

    def __init__(self, home: Path, host: str, port: int) -> None:
        self._path = home / "run" / f"{host}:{port}.pid"
        self._held: IO[str] | None = None

    @property
    def holder(self) -> int | None:
        """The process of the server that answers there; None where there is none."""
        try:
            with self._path.open(encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(self._path.read_text("ascii"))
        except FileNotFoundError:
            pass
        return None

    @property
    def lost(self) -> bool:
        """Whether a successor has taken it."""
        return self.holder not in (None, os.getpid())

    def take(self) -> int | None:
        """From now on this process answers there; the process that did, if there is one."""
        before = self.holder
        self._path.parent.mkdir(exist_ok=True)
        mine = self._path.with_suffix(f".{os.getpid()}")
        self._held = mine.open("w", encoding="ascii")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        self._held.write(str(os.getpid()))
        self._held.flush()
        mine.replace(self._path)
        return before

    def close(self) -> None:
        """This process does not answer there any more."""
        if self._held is not None:
            if not self.lost:
                self._path.unlink(missing_ok=True)
            self._held.close()
