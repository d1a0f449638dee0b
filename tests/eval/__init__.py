"""Tables of how well the guard finds what it looks for: not tests, and not run with them."""
