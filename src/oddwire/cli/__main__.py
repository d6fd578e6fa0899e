"""``python -m oddwire.cli``."""

from oddwire.cli import main

if __name__ == "__main__":
    main()
