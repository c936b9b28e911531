"""The reference device: a complete CPE with the settings of LANCOM's CWMP page."""
