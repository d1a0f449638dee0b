"""Rego policies answered by a real OPA: a remote server, or a local child that we supervise.

Rego is never evaluated in process: the libraries for that skip built-ins they lack, so that deny rules fail open.
Importing this package is light; the client (extra ``opa``) is imported when the first pack is loaded.
"""

from govkernel.engines.opa.engine import OpaEngine, OpaPack, engine_from
from govkernel.engines.opa.settings import OpaSettings

__all__ = ["OpaEngine", "OpaPack", "OpaSettings", "engine_from"]
