"""Detectors that ship with the guard; each follows :class:`govkernel.hookspecs.Detector`."""
