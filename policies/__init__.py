"""Policy packs shipped with govkernel, one folder each."""
