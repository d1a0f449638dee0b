"""Training of the gate and the encoder: labelled sources, generated text, fitting, measuring, signing.

``python -m runtime_guard.training --data FOLDER --out FOLDER`` makes everything that the package ships in
``runtime_guard/models``. Nothing here is imported when text is screened.
"""
