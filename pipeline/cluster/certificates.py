"""TLS certificates that the user provides, for clusters that several machines share."""

from __future__ import annotations

from distributed import Security

from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError


def own_certificates(config: ClusterConfig) -> Security | None:
    """Return the credentials that the settings name, for every role; None if they name none.

    Raises
    ------
    ClusterError
        A file is missing.
    """
    if not config.tls_ca_file:
        return None
    files = {
        "cluster.tls_ca_file": config.tls_ca_file,
        "cluster.tls_cert": config.tls_cert,
        "cluster.tls_key": config.tls_key,
    }
    for name, path in files.items():
        if path is None or not path.is_file():
            raise ClusterError(
                f"{name}: found {path or 'nothing'}; expected the path of a PEM file. "
                "TLS needs all three of cluster.tls_ca_file, cluster.tls_cert and cluster.tls_key"
            )
    ca, cert, key = map(str, files.values())
    by_role = {
        f"tls_{role}_{what}": path
        for role in ("client", "scheduler", "worker")
        for what, path in (("cert", cert), ("key", key))
    }
    return Security(tls_ca_file=ca, require_encryption=True, **by_role)
