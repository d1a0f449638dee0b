"""The inference door: a proxy that speaks OpenAI's and Anthropic's API and screens requests and responses."""
