"""Models of your own: local Hugging Face checkpoints as readers, by configuration. docs/adr/0031-models-of-your-own.md.

Needs the extra ``models``: transformers, torch, tokenizers, safetensors. Import from the modules, so that importing
this package stays light: :mod:`runtime_guard.checkpoints.settings` to say what is wanted,
:mod:`runtime_guard.checkpoints.opening` to get the reader.
"""
