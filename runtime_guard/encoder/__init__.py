"""A sentence encoder (BERT, Devlin et al. 2018; mean pooling as in Sentence-BERT, Reimers and Gurevych 2019).

Needs the extra ``encoder``: torch, tokenizers, safetensors. Nothing here unpickles anything. Import from the
modules, so that importing this package stays light: :mod:`runtime_guard.encoder.encoder` to embed texts,
:mod:`runtime_guard.encoder.evaluate` to evaluate a model directory.
"""
