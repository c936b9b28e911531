"""The surface ``soap``: templates, edits, the grammar of single faults, and the nasty table."""
