"""CancelTransfer, GetQueuedTransfers, GetAllQueuedTransfers (TR-069 A.4.1.1, A.4.1.7, A.4.1.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.messages import (
    AllQueuedTransferStruct,
    CancelTransfer,
    CancelTransferResponse,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    QueuedTransferStruct,
)

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def cancel_transfer(parts: Parts, message: CancelTransfer) -> CancelTransferResponse:
    """Those that have not begun; a CommandKey that nothing waits for is no fault."""
    parts.transfers.cancel(message.command_key)
    return CancelTransferResponse()


def get_queued_transfers(parts: Parts, _message: GetQueuedTransfers) -> GetQueuedTransfersResponse:
    """Those that an ACS has asked for."""
    return GetQueuedTransfersResponse(
        tuple(
            QueuedTransferStruct(transfer.command_key, transfer.state)
            for transfer in parts.transfers.pending()
            if not transfer.autonomous
        )
    )


def get_all_queued_transfers(parts: Parts, _message: GetAllQueuedTransfers) -> GetAllQueuedTransfersResponse:
    """Those that the device does of its own accord too."""
    return GetAllQueuedTransfersResponse(
        tuple(
            AllQueuedTransferStruct(
                transfer.command_key,
                transfer.state,
                not transfer.upload,
                transfer.file_type,
                transfer.file_size,
                transfer.target_file_name,
            )
            for transfer in parts.transfers.pending()
        )
    )
