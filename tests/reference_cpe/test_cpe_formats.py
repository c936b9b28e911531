"""URLs, scripts, firmware images."""

from __future__ import annotations

import pytest

from reference_cpe import firmware, script, urls


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("http://acs.test", "acs.test", 80, "/", "acs.test"),
        ("https://acs.test/A%41?q=1&r", "acs.test", 443, "/A%41?q=1&r", "acs.test"),
        ("http://[2001:db8::1]:7547/x/", "2001:db8::1", 7547, "/x/", "[2001:db8::1]:7547"),
        ("http://192.0.2.1:1", "192.0.2.1", 1, "/", "192.0.2.1:1"),
    ],
)
def test_url(url: str, host: str, port: int, target: str, authority: str) -> None:
    found = urls.parse(url)
    assert (found.host, found.port, found.target, found.authority) == (host, port, target, authority)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b", "http://acs.test:81/b"),
        ("c?d", "http://acs.test:81/a/c?d"),
        ("https://other.test/", "https://other.test/"),
        ("//third.test/x", "http://third.test/x"),
    ],
)
def test_redirect(location: str, expected: str) -> None:
    assert urls.resolve(urls.parse("http://acs.test:81/a/b"), location).url == expected


def test_unknown_scheme() -> None:
    for url in ("ftp://a.test/", "file:///etc/passwd", "httpx://a.test/", "a.test"):
        with pytest.raises(urls.UnknownScheme):
            urls.parse(url)


def test_script() -> None:
    found = script.read(
        b"\xef\xbb\xbflang English\r\nflash No\r\n\r\n# comment\r\n"
        b"set /Setup/CWMP/Periodic-Inform-Enable no\r\nSET /setup/cwmp/local-port 7548\r\n"
        b'set /Setup/CWMP/ACS-Username "two words"\r\nset /Setup/Comment ""\r\nexit\r\n'
    )
    assert found.settings == {
        "periodic_inform_active": False,
        "port": 7548,
        "acs_username": "two words",
    }
    assert found.comment == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# nothing\n",
        b"\xff\xfe",
        b"set /Setup/Nothing 1\n",
        b"set /Setup/CWMP/Local-Port 70000\n",
        b"set /Setup/CWMP/Local-Port -1\n",
        b"set /Setup/CWMP/Operating maybe\n",
        b"set /Setup/Comment\n",
        b"rm -rf /\n",
        b"set /Setup/Comment a\nset /Setup/CWMP/ACS-URL ftp://x\n",
        b"set /Setup/Comment x\n" * 20000,
        firmware.build("1", b"x"),
    ],
)
def test_bad_script(data: bytes) -> None:
    with pytest.raises(script.BadScript):
        script.read(data)


def test_firmware_by_hand() -> None:
    """The format of docs/reference-cpe.md, written without the builder; the checksum is that of b"abc"."""
    data = (
        b"REFERENCE-CPE-FIRMWARE 1\nProduct: *\nVersion: 2.1-rc1\n"
        b"SHA256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\nabc"
    )
    image = firmware.read(data, "ReferenceCPE")
    assert (image.version, image.payload) == ("2.1-rc1", b"abc")
    assert firmware.build("2.1-rc1", b"abc") == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        firmware.build("1", b"abc")[:-1],
        firmware.build("1", b"abc") + b"d",
        firmware.build("1", b"abc").replace(b"SHA256", b"MD5"),
        firmware.build("a b", b"abc"),
        firmware.build("1", b"abc", "OtherProduct"),
    ],
)
def test_bad_firmware(data: bytes) -> None:
    with pytest.raises(firmware.BadImage):
        firmware.read(data, "ReferenceCPE")
