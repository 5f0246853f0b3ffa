"""Every setting, its default and its bounds, and how settings are read."""

from pipeline.config.load import ConfigLike, load_config, with_absolute_paths
from pipeline.config.settings import (
    MODEL_NAMES,
    RESULTS_VERSION,
    ClusterConfig,
    Config,
    DataConfig,
    ModelConfig,
    ModelName,
    OutputConfig,
    ProposalsConfig,
    RefinementConfig,
    ReportConfig,
    RunConfig,
    SceneConfig,
)

__all__ = [
    "MODEL_NAMES",
    "RESULTS_VERSION",
    "ClusterConfig",
    "Config",
    "ConfigLike",
    "DataConfig",
    "ModelConfig",
    "ModelName",
    "OutputConfig",
    "ProposalsConfig",
    "RefinementConfig",
    "ReportConfig",
    "RunConfig",
    "SceneConfig",
    "load_config",
    "with_absolute_paths",
]
