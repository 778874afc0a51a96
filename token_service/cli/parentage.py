"""A child process that never outlives its parent, however the parent ends (recipe: reference/recipes.md §3)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from typing import Final

PR_SET_PDEATHSIG: Final = 1
POLL_SECONDS: Final = 1.0


def die_with_parent(parent_pid: int) -> None:
    """From now on this process is killed when `parent_pid` is gone, also after kill -9. Call it first thing in the child.

    Killing is safe: ledger and chain keep whatever was acknowledged and drop the rest (DESIGN §5).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before the line above
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent_pid,), name="parentage", daemon=True).start()


def _watch(parent_pid: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent_pid:
        pause.wait(POLL_SECONDS)
    os._exit(1)
