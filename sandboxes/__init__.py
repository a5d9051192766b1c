"""Boxes to run untrusted code in. Knows nothing of tasks, models or grades."""
