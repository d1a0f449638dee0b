"""Regular expressions read, widened for an automaton, and looked for all at once; and how their matches may begin."""
