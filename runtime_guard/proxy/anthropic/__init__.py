"""Anthropic's wire form: messages, whole and in events."""
