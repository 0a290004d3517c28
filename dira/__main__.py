"""``python -m dira`` is the command ``dira``."""

from dira.cli import main

if __name__ == "__main__":
    main()
