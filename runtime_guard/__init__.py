"""The runtime guard: turns text into findings, and findings and policy into released text."""
