"""The record of what an agent did, and what becomes of it."""
