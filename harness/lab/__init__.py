"""What a bench is made of: namespaces, addresses, PKI, clock, capture, the byte-exact HTTP/TLS engine."""
