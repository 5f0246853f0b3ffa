"""The SAM 2 checkpoints that are known by name, with their architectures and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.config import MODEL_NAMES, ModelConfig
from pipeline.errors import ModelError

_TINY = Path(__file__).parent / "tiny"
_RELEASES = "https://dl.fbaipublicfiles.com/segment_anything_2"


@dataclass(frozen=True, slots=True)
class Download:
    """A checkpoint on the web."""

    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Return the name of the file, the same in the cache as on the web."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A memory in files of its own, for a checkpoint that has none."""

    architecture: Path
    """A YAML file with what the memory adds to the architecture of the checkpoint."""
    weights: Path


@dataclass(frozen=True, slots=True)
class ModelSource:
    """An architecture and the weights that go with it."""

    architecture: str
    """A YAML file, or a name inside the sam2 package."""
    checkpoint: Path | Download
    memory: MemorySource | None = None
    """None if the memory is part of the checkpoint, or if there is none."""


def _official(architecture: str, release: str, file_name: str, sha256: str) -> ModelSource:
    return ModelSource(architecture, Download(f"{_RELEASES}/{release}/{file_name}", sha256))


KNOWN: dict[str, ModelSource] = {
    "sam2.1_hiera_large": _official(
        "configs/sam2.1/sam2.1_hiera_l.yaml",
        "092824",
        "sam2.1_hiera_large.pt",
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
    "sam2.1_hiera_base_plus": _official(
        "configs/sam2.1/sam2.1_hiera_b+.yaml",
        "092824",
        "sam2.1_hiera_base_plus.pt",
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    "sam2.1_hiera_small": _official(
        "configs/sam2.1/sam2.1_hiera_s.yaml",
        "092824",
        "sam2.1_hiera_small.pt",
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ),
    "sam2.1_hiera_tiny": _official(
        "configs/sam2.1/sam2.1_hiera_t.yaml",
        "092824",
        "sam2.1_hiera_tiny.pt",
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    "sam2_hiera_large": _official(
        "configs/sam2/sam2_hiera_l.yaml",
        "072824",
        "sam2_hiera_large.pt",
        "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    ),
    "sam2_hiera_base_plus": _official(
        "configs/sam2/sam2_hiera_b+.yaml",
        "072824",
        "sam2_hiera_base_plus.pt",
        "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    ),
    "sam2_hiera_small": _official(
        "configs/sam2/sam2_hiera_s.yaml",
        "072824",
        "sam2_hiera_small.pt",
        "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    ),
    "sam2_hiera_tiny": _official(
        "configs/sam2/sam2_hiera_t.yaml",
        "072824",
        "sam2_hiera_tiny.pt",
        "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    ),
    "demo": ModelSource(
        str(_TINY / "tiny_sam2.yaml"),
        _TINY / "tiny_sam2.pt",
        MemorySource(_TINY / "tiny_memory.yaml", _TINY / "tiny_memory.safetensors"),
    ),
}


def find_source(config: ModelConfig) -> ModelSource:
    """Return the architecture and checkpoint that the settings name.

    `config.config` and `config.checkpoint` replace the architecture and the checkpoint of
    `config.name`. An official architecture that is set alone gets the official checkpoint.

    Raises
    ------
    ModelError
        An unknown architecture is set without a checkpoint.
    """
    known = KNOWN[config.name]
    if config.config is None and config.checkpoint is not None:
        # A memory in files of its own was trained for the features of one checkpoint.
        return ModelSource(known.architecture, config.checkpoint)
    if config.config is None:
        return known
    if config.checkpoint is not None:
        return ModelSource(config.config, config.checkpoint)
    for source in KNOWN.values():
        if source.architecture == config.config:
            return source
    raise ModelError(
        f"model.config is {config.config}, which none of the known checkpoints "
        f"({', '.join(MODEL_NAMES)}) goes with; set model.checkpoint to its weights file"
    )
