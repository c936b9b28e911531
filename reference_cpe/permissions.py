"""What the operator lets the ACS do (the three switches of LANCOM's page)."""

from __future__ import annotations

from reference_cpe.settings import Settings


class Permissions:
    """Seams: each of the questions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def transfer_files(self) -> bool:
        """Allow file transmission (firmware or script)."""
        return bool(self._settings.value("allow_file_transmission"))

    def update_firmware(self) -> bool:
        """Allow firmware updates: a firmware image is a file, so both switches must be on."""
        return self.transfer_files() and bool(self._settings.value("allow_firmware_updates"))

    def change_credentials(self) -> bool:
        """Allow changing of the user credentials for connection request."""
        return bool(self._settings.value("allow_credential_change"))
