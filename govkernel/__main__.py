"""``python -m govkernel``."""

from govkernel.cli.main import main

if __name__ == "__main__":
    main()
