"""`python reading_process.py PATH CONTRACT HEADS` reads a chain that another process mines until it has seen so many of its
blocks as the newest one (a minute at most), and prints what it saw."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from embedded_programme import member, read

from token_service.chain.embedded import EmbeddedReader

reader = EmbeddedReader(Path(sys.argv[1]))
end = time.monotonic() + 60
seen: list[list[int]] = []
sys.stdout.write("ready\n")
sys.stdout.flush()
while time.monotonic() < end and len({head for head, *_ in seen}) < int(sys.argv[3]):
    with reader.snapshot() as view:
        head = view.head().block_number
        supply = read(view, sys.argv[2], "totalSupply")
        time.sleep(0.002)  # the miner goes on meanwhile
        balances = sum(read(view, sys.argv[2], "balanceOf", member(n)) for n in range(1, 9))
        again = view.head().block_number
        rows = view.store.connection.execute("select max(block) from logs").fetchone()[0]
    seen.append([head, again, supply, balances, rows])
json.dump(seen, sys.stdout)
