"""Benchmarks, each beside a peer in the same run; figures are ratios, since machines differ and are shared."""
