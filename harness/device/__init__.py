"""The device under test: what it can do, its profile, one driver per way to reach it."""
