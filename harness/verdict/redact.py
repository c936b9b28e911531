"""Overwriting what a profile calls secret, in every form in which it can be read, with filler of the same length.

Forms: plain (UTF-8, Latin-1 too), escaped for XML, a URL, JSON or as Python writes bytes, character by character in any
mixture; hexadecimal; base64 at any alignment, and whatever a Basic credential decodes to. A digest is no form of a
secret: whoever has it can only try guesses.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Final

FILLER: Final = "*"
SHORT: Final = 4
"""Octets below which a secret is not looked for as hexadecimal or base64: it would be found everywhere."""
_NAMED: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_BASIC: Final = re.compile(r"\bbasic[ \t]+([A-Za-z0-9+/_-]+={0,2})", re.IGNORECASE)
_STANDARD: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_VALUES: Final = {letter: value for value, letter in enumerate(_STANDARD)} | {"-": 62, "_": 63}

Pass = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


class Redactor:
    """Overwrites *secrets* in texts and octets; with none it changes nothing."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: one may be a part of another.
        wanted = sorted({each for each in secrets if each}, key=lambda each: (-len(each), each))
        self._of_text = [each for secret in wanted for each in _passes(secret, octets=False)]
        self._of_octets = [each for secret in wanted for each in _passes(secret, octets=True)]

    def __bool__(self) -> bool:
        return bool(self._of_text)

    def text(self, text: str) -> str:
        """*text* without secrets; of the same length."""
        return self._apply(text, self._of_text) if self else text

    def data(self, data: bytes) -> bytes:
        """*data* without secrets; of the same length."""
        return self._apply(data.decode("latin-1"), self._of_octets).encode("latin-1") if self else data

    def _apply(self, text: str, passes: list[Pass]) -> str:
        text = _BASIC.sub(self._basic, text)
        for pattern, replace in passes:
            text = pattern.sub(replace, text)
        return text

    def _basic(self, match: re.Match[str]) -> str:
        """A Basic credential: what stands beside the secret stays readable."""
        token = match[1]
        try:
            plain = base64.b64decode(
                token.translate({45: "+", 95: "/"}) + "=" * (-len(token) % 4), validate=True
            )
        except (binascii.Error, ValueError):
            return match[0]
        clean = plain.decode("latin-1")
        for pattern, replace in self._of_octets:
            clean = pattern.sub(replace, clean)
        if clean.encode("latin-1") == plain:
            return match[0]
        return match[0][: -len(token)] + base64.b64encode(clean.encode("latin-1")).decode()[: len(token)]


def _passes(secret: str, *, octets: bool) -> list[Pass]:
    def fill(match: re.Match[str]) -> str:
        return FILLER * len(match[0])

    encodings = [secret.encode("utf-8", "surrogateescape")]
    try:
        encodings += [each for each in (secret.encode("latin-1"),) if each not in encodings]
    except UnicodeEncodeError:
        pass
    found: list[Pass] = [(re.compile(_escaped(secret, octets=octets)), fill)]
    for encoded in encodings:
        if len(encoded) >= SHORT:
            digits = "".join(f"[{digit}{digit.upper()}]" for digit in encoded.hex())
            found.append((re.compile(digits), fill))
            found += [_base64(encoded, offset) for offset in (0, 2, 4)]
    return found


def _escaped(secret: str, *, octets: bool) -> str:
    """A pattern of the secret, each character in any of its escapes."""
    head = secret[0]
    # Saves trying all alternatives at every place of a long text.
    guard = f"(?=[{re.escape(head)}&%\\\\+])" if head.isascii() else ""
    return guard + "".join(f"(?:{'|'.join(_forms(each, octets=octets))})" for each in secret)


def _forms(character: str, *, octets: bool) -> list[str]:
    code, encoded = ord(character), character.encode("utf-8", "surrogateescape")
    start = "&(?:amp;)*"
    forms = [f"{start}#0*{code};", f"{start}#[xX]0*{_any_case(f'{code:x}')};"]
    if character in _NAMED:
        forms.append(f"{start}{_NAMED[character]};")
    forms.append("".join("%(?:25)*" + _any_case(f"{octet:02x}") for octet in encoded))
    forms.append(r"\\\\?u" + _any_case(f"{code:04x}"))
    forms.append("".join(r"\\\\?x" + _any_case(f"{octet:02x}") for octet in encoded))
    if character in "\"'\\/":
        forms.append(r"\\" + re.escape(character))
    if character == " ":
        forms.append(r"\+")
    if octets:
        forms.append(re.escape(encoded.decode("latin-1")))
        if 0x80 <= code <= 0xFF:
            forms.append(re.escape(character))
    else:
        forms.append(re.escape(character))
    return forms


def _any_case(digits: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in digits)


def _base64(secret: bytes, offset: int) -> Pass:
    """Base64 in which the secret begins *offset* bits into a letter (0, 2 or 4: its place in the group of three)."""
    length = offset + 8 * len(secret)
    letters = -(-length // 6)
    spare = 6 * letters - length
    bits = int.from_bytes(secret, "big") << spare
    fixed = ((1 << 8 * len(secret)) - 1) << spare
    parts = []
    for index in range(letters):
        shift = 6 * (letters - 1 - index)
        value, mask = bits >> shift & 63, fixed >> shift & 63
        parts.append(_letters(value, mask))
    filler = int.from_bytes(FILLER.encode() * len(secret), "big") << spare

    def replace(match: re.Match[str]) -> str:
        number = 0
        for letter in match[0]:
            if letter in _VALUES:
                number = number << 6 | _VALUES[letter]
        number = number & ~fixed | filler
        values = iter([number >> 6 * (letters - 1 - index) & 63 for index in range(letters)])
        safe = "-" in match[0] or "_" in match[0]
        alphabet = _STANDARD[:62] + "-_" if safe else _STANDARD
        return "".join(alphabet[next(values)] if letter in _VALUES else letter for letter in match[0])

    # A long value may be broken into lines.
    return re.compile(r"(?:\r?\n[ \t]*)?".join(parts)), replace


def _letters(value: int, mask: int) -> str:
    """A class of all letters that agree with *value* in the bits of *mask*."""
    fitting = [letter for letter, each in _VALUES.items() if each & mask == value & mask]
    return f"[{''.join(map(re.escape, fitting))}]"
