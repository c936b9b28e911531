"""The surface ``connection-request``."""
