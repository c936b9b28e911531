"""Seeded defects and benign variants: functions that alter one part of a correct device at assembly."""
