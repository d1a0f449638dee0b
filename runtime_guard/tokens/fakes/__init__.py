"""Surrogates of the same shape as a value, from ranges in which nobody and nothing real can be."""
