"""What is asked of an agent, and how its answer is judged."""
