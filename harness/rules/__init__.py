"""Wire rules: invariants that every recorded session must keep, pure functions of a transcript."""
