"""Examples shipped with govkernel: a prompt, datasets, an evaluation suite, manifests."""
