"""Web processes that answer on one socket count their requests together: whichever is asked for /metrics tells of all.

That is prometheus_client's multi-process mode: each process writes its figures to files of its own in one folder. It must be
chosen before that library is imported, so this comes first in `mereau web`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

FOLDER: Final = "metrics"
VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_OF_PROCESS: Final = re.compile(r"_(\d+)\.db$")


def count_together(data_dir: Path) -> None:
    """From here on; what processes counted that are gone is forgotten, which Prometheus takes for the restart that it is."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in folder.glob("*.db"):
        found = _OF_PROCESS.search(path.name)
        if found and not _is_alive(int(found[1])):
            path.unlink(missing_ok=True)
    os.environ[VARIABLE] = str(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
