"""Diagnostics that the ACS asks for by setting a DiagnosticsState (TR-181 IP.Diagnostics, TR-069 A.3.2.1)."""
