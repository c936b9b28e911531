"""A campaign: batches, buckets, corpus, pursuit of an alarm, shrinking, and the processes that share the work."""
