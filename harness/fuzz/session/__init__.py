"""The surface ``session``: order and state."""
