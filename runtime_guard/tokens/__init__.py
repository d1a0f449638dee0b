"""Reversible tokenisation: surrogates for values, a vault that remembers both, and values put back into answers."""
