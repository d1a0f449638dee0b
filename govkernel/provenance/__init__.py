"""Provenance: digests, statements, bundles, trust; sign and verify."""
