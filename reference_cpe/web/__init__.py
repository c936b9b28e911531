"""The web configuration: LANCOM's CWMP page, served on the device's LAN side."""
