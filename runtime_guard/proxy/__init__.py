"""The inference door: an OpenAI-compatible proxy that screens requests and responses."""
