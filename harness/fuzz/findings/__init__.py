"""What a campaign hands over, and what becomes of it: replay, and cases of a run."""
