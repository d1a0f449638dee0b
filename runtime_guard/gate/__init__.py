"""The gate: a linear model over hashed n-grams that settles the clear cases in microseconds.

docs/adr/0019-gate-and-encoder.md. Needs numpy; nothing of torch.
"""
