"""The main job, told on the terminal: it runs the same commands a user would type, on real input."""
