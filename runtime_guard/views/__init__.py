"""What a text says without its disguises: other characters, escapes, encodings, each with a way back to the original.

Detectors look at every view; what they find is reported where it stands in the original text.
"""

from runtime_guard.views.hidden import HIDDEN_TEXT, hidden_text, unfinished_hidden, unseen
from runtime_guard.views.unfinished import unfinished
from runtime_guard.views.unfold import MAX_DEPTH, MAX_VIEWS, views
from runtime_guard.views.view import Piece, View, rewrite

__all__ = [
    "HIDDEN_TEXT",
    "MAX_DEPTH",
    "MAX_VIEWS",
    "Piece",
    "View",
    "hidden_text",
    "rewrite",
    "unfinished",
    "unfinished_hidden",
    "unseen",
    "views",
]
