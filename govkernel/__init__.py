"""govkernel: a policy and governance engine for AI. One decision path, four front doors."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("govkernel")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
