"""The certificate cases as data: one entry a case, one file a group."""
