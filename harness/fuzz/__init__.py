"""The fuzzer: cases as wire programs, an executor, oracles over what was observed, findings that replay."""
