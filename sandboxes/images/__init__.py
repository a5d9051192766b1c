"""What a box holds, and how it is built with a registry or without one."""
