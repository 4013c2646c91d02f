"""The URLs and addresses that webhooks may have."""

import ipaddress
from collections.abc import Sequence

import pytest

from services.notifications.addresses import RefusedTargetError, Target, TargetPolicy, is_public

PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1")
OURS = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.8.8.8"),
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1"),
    *("192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    "255.255.255.255",
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1", "::127.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "5f00::1"),
)
WRONG = {
    "http://example.com/": "https",
    "ftp://example.com/": "https",
    "//example.com/": "https",
    "example.com": "https",
    "https://": "host",
    "https:///path": "host",
    "https://user:secret@example.com/": "credentials",
    "https://example.com@127.0.0.1/": "credentials",
    "https://example.com/#there": "fragment",
    "https://example.com:22/": "port",
    "https://example.com:80/": "port",
    "https://example.com:99999/": "URL",
    "https://example.com:x/": "URL",
    "https://[::1/": "URL",
    "https://exa mple.com/": "visible",
    "https://example.com/\r\nhost: x": "visible",
    "https://exämple.com/": "visible",
    "https://example.com\\@127.0.0.1/": "credentials",
    "https://-example.com/": "host",
    "https://exa..mple.com/": "host",
    "https://exa%6dple.com/": "host",
    "https://" + "a" * 64 + ".com/": "host",
    "https://example.com/" + "a" * 2048: "2048",
}
STRICT = TargetPolicy()
LOCAL = TargetPolicy(loopback=True)


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_on_the_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", OURS)
def test_an_address_for_a_special_purpose_is_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", [text for text in PUBLIC + OURS if ":" not in text])
def test_our_rule_is_stricter_than_the_standard_library(text: str) -> None:
    assert is_public(ipaddress.ip_address(text)) <= ipaddress.ip_address(text).is_global


@pytest.mark.parametrize("url", WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_an_invalid_url_is_refused_with_its_rule(url: str) -> None:
    with pytest.raises(RefusedTargetError, match=WRONG[url]):
        STRICT.parse(url)


def test_a_url_is_parsed_as_it_is_called() -> None:
    assert STRICT.parse("https://Example.com:8443/a/b?c=d&e") == Target("https", "example.com", 8443, "/a/b?c=d&e")
    assert STRICT.parse("https://example.com") == Target("https", "example.com", 443, "/")
    assert STRICT.parse("https://[2606:4700::1]/x") == Target("https", "2606:4700::1", 443, "/x")


@pytest.mark.parametrize("text", OURS)
def test_a_name_with_an_internal_address_is_refused(text: str) -> None:
    with pytest.raises(RefusedTargetError, match="not public"):
        STRICT.resolve(STRICT.parse("https://rebind.example/"), lambda host, port: [text])


@pytest.mark.parametrize("found", [["8.8.8.8", "127.0.0.1"], ["2606:4700::1", "::1"], ["fe80::1%eth0"], []])
def test_one_internal_address_of_several_is_refused(found: Sequence[str]) -> None:
    with pytest.raises(RefusedTargetError, match="not public"):
        STRICT.resolve(STRICT.parse("https://mixed.example/"), lambda host, port: found)


def test_the_name_is_resolved_once_and_ipv4_comes_first() -> None:
    asked = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["2606:4700::1", "8.8.8.8", "1.1.1.1"]

    assert STRICT.resolve(STRICT.parse("https://example.com:8443/"), resolver) == "8.8.8.8"
    assert asked == [("example.com", 8443)]


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://169.254.169.254/x", "https://[::1]/", "https://10.1.1.1/"]
)
def test_an_internal_address_is_refused_at_registration(url: str) -> None:
    with pytest.raises(RefusedTargetError, match="public"):
        STRICT.check(url)


def test_odd_spellings_of_addresses_are_resolved_and_refused() -> None:
    for host in ("2130706433", "0x7f.1", "0177.0.0.1", "127.1"):
        target = STRICT.parse(f"https://{host}/")
        with pytest.raises(RefusedTargetError):
            STRICT.resolve(target, lambda host, port: ["127.0.0.1"])


def test_for_the_emulator_only_loopback_is_allowed() -> None:
    LOCAL.check("http://127.0.0.1:8000/hook")
    assert LOCAL.resolve(LOCAL.parse("http://localhost:8000/"), lambda host, port: ["::1", "127.0.0.1"]) == "127.0.0.1"
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://192.168.1.1:8000/"):
        with pytest.raises(RefusedTargetError):
            LOCAL.check(url)
