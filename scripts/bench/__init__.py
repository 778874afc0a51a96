"""`make bench`: figures of this machine, each beside a floor or a rival measured in the same run (docs/bench.md)."""
