from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.settings import ProviderSettings
from gateway.upstream.trust import tls_context, tls_problems
from tests.fakes import certificates

USELESS = "holds nothing in PEM form that TLS can use, or the key does not fit"


def provider(base_url: str = "https://h/v1", **paths: Path | str) -> ProviderSettings:
    texts = {name: str(path) for name, path in paths.items()}
    return ProviderSettings(name="up", base_url=base_url, **texts)  # type: ignore[arg-type]


def test_only_an_upstream_with_https_has_a_context() -> None:
    assert tls_context(provider("http://h/v1")) is None
    context = tls_context(provider())
    assert context is not None
    assert context.check_hostname


def test_a_named_authority_replaces_those_of_the_system(tmp_path: Path) -> None:
    context = tls_context(provider(ca_file=certificates.authority(tmp_path).path))
    assert context is not None
    assert len(context.get_ca_certs()) == 1


def test_good_files_have_no_problem(tmp_path: Path) -> None:
    ca = certificates.authority(tmp_path)
    mine = certificates.signed(tmp_path, ca, "gateway").path
    assert list(tls_problems(provider(ca_file=ca.path, client_certificate=mine))) == []


def test_files_that_are_missing_or_useless_are_told_together(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    problems = list(tls_problems(provider(ca_file=tmp_path / "none.pem", client_certificate=empty)))
    assert problems == ["ca_file: cannot be read: No such file or directory", f"client_certificate: {USELESS}"]


def test_a_key_with_a_password_is_refused_instead_of_asking_on_the_terminal(tmp_path: Path) -> None:
    mine = certificates.signed(tmp_path, certificates.authority(tmp_path), "gateway")
    locked = tmp_path / "locked.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    locked.write_bytes(mine.key.private_bytes(*form, serialization.BestAvailableEncryption(b"x")))
    problems = list(tls_problems(provider(client_certificate=mine.path, client_key=locked)))
    assert problems == [f"client_certificate: {USELESS}"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (provider(client_key="k"), "client_key: needs client_certificate"),
        (provider("http://h/v1", ca_file="c"), "ca_file: base_url is not https"),
        (provider("http://h/v1", client_certificate="c"), "client_certificate: base_url is not https"),
    ],
)
def test_what_does_not_fit_together_is_told(settings: ProviderSettings, problem: str) -> None:
    assert list(tls_problems(settings)) == [problem]
