"""Reads pod specifications: which model, adapter, tokenizer and image a workload would use."""
