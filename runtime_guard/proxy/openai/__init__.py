"""OpenAI's wire form: chat completions, whole and in chunks."""
