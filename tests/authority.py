"""An authority of its own for a test: vouches for brokers and for devices."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """Makes certificates, as files.

    Attributes:
        ca_file: its own.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def of_the_broker(self, host: str) -> str:
        """Lines for mosquitto's listener, which is known by this name."""
        certificate, key = self._files("broker", self._ca.issue_cert(host))
        return f"cafile {self.ca_file}\ncertfile {certificate}\nkeyfile {key}\n"

    def of_the_device(self, name: str) -> tuple[Path, Path]:
        """Certificate and key by which a device is known to the broker."""
        return self._files(name, self._ca.issue_cert(f"{name}.test", common_name=name))

    def as_a_broker(self, host: str) -> ssl.SSLContext:
        """Of a broker that the test plays itself."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(host).configure_cert(context)
        return context

    def trusted(self) -> ssl.SSLContext:
        """Trusts this authority and no other."""
        return ssl.create_default_context(cafile=self.ca_file)

    def _files(self, name: str, issued: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key
