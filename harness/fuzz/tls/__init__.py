"""The surface ``tls``."""
