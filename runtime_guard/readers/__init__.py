"""Models that read a message as a whole: what one must be able to do, and how many callers ask several of them."""
