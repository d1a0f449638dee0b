"""Policy packs: load, validate, slice and test."""
