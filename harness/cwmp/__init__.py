"""The CPE WAN Management Protocol (TR-069), sans-IO: messages, SOAP codec, faults, events, versions.

Nothing in this package opens a socket, reads a clock or knows who is being tested.
"""
