"""Strategies for RPC envelopes with one fault each, all of them harmless to the device's state.

Only reading RPCs, RPCs of names that do not exist, and writes that must be refused are generated: nothing here
reboots, resets or reconfigures a device that behaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENC = "http://schemas.xmlsoap.org/soap/encoding/"
XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CWMP = "urn:dslforum-org:cwmp-1-0"


@dataclass(frozen=True, slots=True)
class FuzzedEnvelope:
    """Bytes to send, what is odd about them, and whether a success response would be wrong.

    Where it would be wrong, ignoring the envelope (an empty POST) is as good as a fault; where it would not, the
    device owes an answer.
    """

    data: bytes
    what: str
    must_not_succeed: bool


def envelope(body: str, *, header: str = "", root: str = "", tail: str = "") -> str:
    """An envelope around *body*, as text."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap-env:Envelope xmlns:soap-env="{SOAP}" xmlns:soap-enc="{ENC}" '
        f'xmlns:xsd="{XSD}" xmlns:xsi="{XSI}" xmlns:cwmp="{CWMP}"{root}><soap-env:Header>'
        f'<cwmp:ID soap-env:mustUnderstand="1">fuzz</cwmp:ID>{header}</soap-env:Header><soap-env:Body>{body}</soap-env:Body>'
        f"</soap-env:Envelope>{tail}"
    )


def get_values(*names: str, count: str | None = None) -> str:
    """A GetParameterValues element; *count* replaces the number in arrayType."""
    items = "".join(f"<string>{escape(name)}</string>" for name in names)
    size = len(names) if count is None else count
    return (
        f"<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType={quoteattr(f'xsd:string[{size}]')}>{items}"
        "</ParameterNames></cwmp:GetParameterValues>"
    )


def set_value(name: str, value: str, kind: str = "xsd:string") -> str:
    """A SetParameterValues element for one parameter."""
    return (
        '<cwmp:SetParameterValues><ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[1]"><ParameterValueStruct>'
        f"<Name>{escape(name)}</Name><Value xsi:type={quoteattr(kind)}>{escape(value)}</Value></ParameterValueStruct>"
        "</ParameterList><ParameterKey>fuzz</ParameterKey></cwmp:SetParameterValues>"
    )


_NOT_XML = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)))
"""Characters that XML 1.0 cannot carry (2.2)."""
_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=_NOT_XML), max_size=40)
_long = st.sampled_from((255, 256, 257, 1024, 3073, 20_000)).map(lambda size: "A" * size)
_nasty = st.sampled_from(
    (
        "%n%s%x",
        "';--",
        "`id`",
        "$(id)",
        "../../etc/passwd",
        "\u202e",
        "\U0001f600",
        "0",
        "-1",
        "4294967296",
        "true",
        "",
        " ",
    )
)
_word = st.one_of(_text, _long, _nasty)


def _path(known: str) -> st.SearchStrategy[str]:
    root = known.split(".", maxsplit=1)[0]
    odd = (
        "", ".", "..", f"{root}..", f"{root}.", f".{known}", f"{known}.", known.lower(), known.replace(".", ". "), f"{root}.{{i}}.",
        f"{root}.*.", f"{known}.0.", f"{root}." + "A." * 130, f"{root}.DeviceInfo", "Nothing.At.All", f"{root}.X_000000_{'B' * 300}",
    )  # fmt: skip
    return st.one_of(st.sampled_from(odd), _word.map(lambda word: f"{root}.{word}"), _word)


def _reads(known: str) -> st.SearchStrategy[FuzzedEnvelope]:
    counts = st.sampled_from(("0", "2", "-1", "4294967295", "x", ""))
    return st.one_of(
        st.lists(_path(known), max_size=4).map(
            lambda names: (get_values(*names), "GetParameterValues of odd names")
        ),
        counts.map(lambda count: (get_values(known, count=count), f"arrayType says [{count}] for one item")),
        st.tuples(_path(known), st.sampled_from(("0", "1", "true", "false", "TRUE", "2", "", "yes"))).map(
            lambda pair: (
                f"<cwmp:GetParameterNames><ParameterPath>{escape(pair[0])}</ParameterPath><NextLevel>{pair[1]}</NextLevel></cwmp:GetParameterNames>",
                f"GetParameterNames with NextLevel {pair[1]!r}",
            )
        ),
    ).map(lambda pair: FuzzedEnvelope(envelope(pair[0]).encode(), pair[1], must_not_succeed=False))


def _refused_writes(known: str) -> st.SearchStrategy[FuzzedEnvelope]:
    kinds = st.sampled_from(("xsd:string", "xsd:int", "xsd:nonsense", "nonsense:string", ""))
    return st.builds(
        lambda value, kind: FuzzedEnvelope(
            envelope(set_value(known, value, kind)).encode(),
            f"write to a read-only parameter as {kind!r}",
            must_not_succeed=True,
        ),
        _word,
        kinds,
    )


def _unknown_methods() -> st.SearchStrategy[FuzzedEnvelope]:
    names = st.from_regex(r"[A-Z][A-Za-z0-9]{2,30}", fullmatch=True).map(lambda name: f"X_000000_{name}")
    return names.map(
        lambda name: FuzzedEnvelope(
            envelope(f"<cwmp:{name}/>").encode(), "a vendor RPC nobody knows", must_not_succeed=True
        )
    )


def _structures(known: str) -> st.SearchStrategy[FuzzedEnvelope]:
    good = get_values(known)
    whole = envelope(good)
    table = (
        ("an empty Body", envelope(""), True),
        ("two requests in one Body", envelope(good + good), True),
        ("an unknown header that must be understood", envelope(good, header='<v:Odd xmlns:v="urn:v" soap-env:mustUnderstand="1">1</v:Odd>'), True),
        ("an unknown header that may be ignored", envelope(good, header='<v:Odd xmlns:v="urn:v" soap-env:mustUnderstand="0">1</v:Odd>'), False),
        ("another SOAP namespace", whole.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"), True),
        ("another CWMP namespace", whole.replace(CWMP, "urn:dslforum-org:cwmp-9-9"), False),
        ("no argument at all", envelope("<cwmp:GetParameterValues/>"), False),
        ("GetParameterNames without arguments", envelope("<cwmp:GetParameterNames/>"), True),
        ("an argument that does not exist", envelope("<cwmp:GetRPCMethods><Odd>1</Odd></cwmp:GetRPCMethods>"), False),
        ("nothing but an XML declaration", '<?xml version="1.0"?>', True),
        ("text instead of XML", "hello", True),
        ("a comment and CDATA in the name", envelope(get_values("NAME").replace("NAME", f"<!-- c --><![CDATA[{known}]]>")), False),
        ("markup after the root", whole + "<x/>", True),
        ("500 nested elements", envelope("<a>" * 500 + "</a>" * 500), True),
        ("2,000 attributes", whole.replace(f'xmlns:cwmp="{CWMP}"', f'xmlns:cwmp="{CWMP}" ' + " ".join(f'a{i}="1"' for i in range(2000))), False),
        ("an undeclared prefix", envelope("<nobody:GetRPCMethods/>"), False),
        ("a response nobody asked for", envelope("<cwmp:GetRPCMethodsResponse/>"), True),
    )  # fmt: skip
    listed = st.sampled_from(table).map(lambda row: FuzzedEnvelope(row[1].encode(), row[0], row[2]))
    cut = st.integers(1, len(whole) - 20).map(
        lambda n: FuzzedEnvelope(whole[:n].encode(), f"cut after {n} bytes", must_not_succeed=True)
    )
    flipped = st.tuples(st.integers(0, len(whole) - 1), st.integers(128, 255)).map(
        lambda pair: FuzzedEnvelope(
            whole.encode()[: pair[0]] + bytes([pair[1]]) + whole.encode()[pair[0] + 1 :],
            f"byte {pair[0]} is {pair[1]:#x}",
            must_not_succeed=True,
        )
    )
    return st.one_of(listed, cut, flipped)


def envelopes(known: str) -> st.SearchStrategy[FuzzedEnvelope]:
    """Fuzzed envelopes around *known*, the full name of a read-only string parameter that the device has."""
    return st.one_of(_structures(known), _reads(known), _refused_writes(known), _unknown_methods())
