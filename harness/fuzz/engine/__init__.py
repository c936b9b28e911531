"""The fuzzer at the wire: an ACS of its own, what it learns of a device, and how it reads what comes back."""
