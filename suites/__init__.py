"""The cases, one file per area, and the requirement catalogue as data."""
