"""`python -m token_service` is the command `mereau`."""

from token_service.cli import main

if __name__ == "__main__":
    main()
