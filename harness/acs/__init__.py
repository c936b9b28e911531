"""The test ACS, its file server and the connection-request client: correct unless a case says otherwise."""
