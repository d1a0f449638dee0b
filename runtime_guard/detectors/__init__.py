"""Detectors that ship with the guard, each a :class:`govkernel.hookspecs.Detector`; ``defaults`` chooses among them."""
