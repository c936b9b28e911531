"""What a data model says: objects, parameters and data types as TR-106 defines them, without any value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Notify(StrEnum):
    """How active notification of a parameter may be set (TR-106 Annex A, ``activeNotify``)."""

    NORMAL = "normal"
    CAN_DENY = "canDeny"
    """The device may refuse it."""
    FORCE_ENABLED = "forceEnabled"
    """It is always on."""
    FORCE_DEFAULT_ENABLED = "forceDefaultEnabled"
    """It is on until the ACS says otherwise."""


@dataclass(frozen=True, slots=True)
class Items:
    """A comma-separated list (TR-106 3.2.3): how many items, how long the whole."""

    type: str
    """Data type of one item, with its prefix."""
    low: int = 0
    high: int | None = None
    maximum_length: int | None = None


@dataclass(frozen=True, slots=True)
class Syntax:
    """A data type with its facets; of several lengths, ranges or patterns one must fit.

    For a list, ``type`` is ``xsd:string`` and the facets are those of one item.
    """

    type: str
    """``xsd:string`` and so on, as it stands in ``xsi:type``."""
    lengths: tuple[tuple[int, int | None], ...] = ()
    """Least and most: characters of a string, octets of binary data."""
    ranges: tuple[tuple[int | None, int | None], ...] = ()
    values: tuple[str, ...] = ()
    """The enumeration, empty where there is none."""
    unsettable: frozenset[str] = frozenset()
    """Those of the values that only the device itself gives the parameter."""
    patterns: tuple[re.Pattern[str], ...] = ()
    items: Items | None = None
    values_of: str = ""
    """Name of the list beside this parameter whose items are the legal values; with it ``null_value``."""
    null_value: str | None = None
    reference: str = ""
    """``weak`` or ``strong``: the value is the path of an object or parameter."""
    hidden: bool = False
    """Reads as the empty string."""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ParameterDefinition:
    name: str
    syntax: Syntax
    writable: bool = False
    notify: Notify = Notify.NORMAL
    forced: bool = False
    """In every Inform."""


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """Parameters that together tell the rows of a table apart; a functional one only among enabled rows."""

    parameters: tuple[str, ...]
    functional: bool = True


@dataclass(slots=True)
class ObjectDefinition:
    """An object, or the row of a table. ``name`` is that of its last step, without ``{i}``."""

    name: str
    table: bool = False
    creatable: bool = False
    """The ACS may add and delete rows."""
    low: int = 0
    high: int | None = None
    """How many rows there may be."""
    entries: str = ""
    """The parameter beside the table that counts the rows."""
    enable: str = ""
    """The parameter of a row that says whether it counts for functional keys."""
    keys: tuple[UniqueKey, ...] = ()
    parameters: dict[str, ParameterDefinition] = field(default_factory=dict)
    children: dict[str, ObjectDefinition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definition:
    """A root data model: ``Device:2.16`` is ``name`` 2.16's, and ``root`` the object ``Device``."""

    name: str
    root: ObjectDefinition

    @property
    def stem(self) -> str:
        """The path of the root: ``Device.`` or ``InternetGatewayDevice.``."""
        return self.root.name + "."

    @property
    def version(self) -> str:
        return self.name.rpartition(":")[2]
