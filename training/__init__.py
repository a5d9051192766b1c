"""Training between evaluation rounds: what is learnt, on which base, and how it gets to a server. The only room that imports torch."""
