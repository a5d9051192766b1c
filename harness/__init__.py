"""The command line, and the work it directs: rollouts, grading, runs. Importing it loads no torch and no client library."""

__version__ = "0.1.0"
