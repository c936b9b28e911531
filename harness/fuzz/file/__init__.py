"""The surface ``file``: transfers."""
