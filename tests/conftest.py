"""Small data sets, a cluster inside this process, and the order of the tests: quick ones first."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed import Client, LocalCluster
from hypothesis import HealthCheck, settings
from PIL import Image

from tests.browsing import open_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser


# Machines are shared, so the time of one example depends on more than the code.
settings.register_profile(
    "shared", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("shared"), max_examples=5)
settings.load_profile("shared")

MakeDataset = Callable[..., Path]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they run on; run quick tests before slow ones to show failures early."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "inside_client" in fixtures:
            item.add_marker(pytest.mark.cluster)
        if "browser" in fixtures:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """Return a function that writes scenes of coloured rectangles and their coarse ids."""

    def make(scenes: int = 2, frames: int = 3, size: tuple[int, int] = (48, 64)) -> Path:
        root = tmp_path / "scans"
        for s in range(scenes):
            folder = root / f"scene_{s:04d}"
            (folder / "images").mkdir(parents=True)
            (folder / "obj_ids").mkdir()
            for f in range(frames):
                image, ids = rectangles(size, seed=100 * s + f)
                name = f"frame_{f:06d}.jpg"
                Image.fromarray(image).save(folder / "images" / name, quality=95)
                torch.save(torch.from_numpy(ids), folder / "obj_ids" / f"{name}.pth")
        return root

    return make


@pytest.fixture(scope="session")
def inside_client() -> Iterator[Client]:
    """Yield a client of a cluster in this process, where tests can replace parts."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            host="127.0.0.1",
            protocol="tcp",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Path]:
    """Write a self-signed certificate and its key, and return their paths by setting."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a laboratory")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"tls_ca_file": cert, "tls_cert": cert, "tls_key": private}


def rectangles(size: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a few filled rectangles: an RGB image, and ids shifted by a pixel or two."""
    rng = np.random.default_rng(seed)
    height, width = size
    image = np.full((height, width, 3), 200, np.uint8)
    ids = np.zeros(size, np.int32)
    for number in range(1, 5):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        bottom, right = top + height // 3, left + width // 3
        image[top:bottom, left:right] = rng.integers(0, 180, 3)
        shift = rng.integers(-2, 3)
        ids[top:bottom, max(0, left + shift) : right + shift] = number
    return image, ids
