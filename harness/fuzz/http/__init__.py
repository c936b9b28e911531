"""The surface ``http``: what answers the device byte for byte."""
