"""Everything that tests, whatever the device: protocol, verdicts, lab, ACS, drivers, wire rules."""
