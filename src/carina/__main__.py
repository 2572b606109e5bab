"""``python -m carina`` is ``carina``."""

from carina.cli import main

if __name__ == "__main__":
    main()
