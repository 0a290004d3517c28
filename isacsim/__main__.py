"""``python -m isacsim`` is the command ``isacsim``."""

from isacsim.cli import main

if __name__ == "__main__":
    main()
