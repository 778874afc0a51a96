"""The bare views under `mereau serve`'s own server and beside its own worker: python -m scripts.bench.serve_bare PORT."""

import sys

from token_service.app import open_application
from token_service.cli.serve import Serving, serve

if __name__ == "__main__":
    with open_application() as application:
        lock_path = application.chain_lock().path
    sys.exit(serve(Serving(lock_path, "127.0.0.1", int(sys.argv[1]), web="scripts.bench.bare:create_wsgi")))
