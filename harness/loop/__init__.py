"""Rounds of sampling, verifying, filtering, training, serving and evaluating, written into a ledger, until a file's rounds or budgets are spent.

A round's model is made from what the best model so far has solved on the training suite, and takes its place only by a paired verdict on the
held-out suite.
"""
