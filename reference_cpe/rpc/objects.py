"""AddObject, DeleteObject (TR-069 A.3.2.6, A.3.2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.messages import AddObject, AddObjectResponse, DeleteObject, DeleteObjectResponse

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def add_object(parts: Parts, message: AddObject) -> AddObjectResponse:
    """Status 0: the row is there at once."""
    table, given = parts.aliases.new_row(message.object_name)
    more = (given,) if given else ()
    return AddObjectResponse(parts.model.add(table, message.parameter_key, *more), 0)


def delete_object(parts: Parts, message: DeleteObject) -> DeleteObjectResponse:
    parts.model.delete(parts.aliases.numbered(message.object_name), message.parameter_key)
    return DeleteObjectResponse(0)
