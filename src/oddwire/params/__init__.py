"""``params.yaml`` → frozen types, one file a block.

Every rule of a setting is here, once. A wrong key or value is a `ParameterError` that names
the key, the rule and the value got.
"""

from oddwire.params.alerts import AlertSettings, TargetSettings, ThresholdRule
from oddwire.params.base import Fraction, Settings
from oddwire.params.data_stages import ExploreSettings, SplitSettings
from oddwire.params.drift import DriftSettings
from oddwire.params.loading import Params, check_params, load_params
from oddwire.params.log_sources import (
    ConnectionsSource,
    LabelledLogSource,
    LogSource,
    NetflowSource,
    PcapSource,
    SuricataSource,
    ZeekSource,
)
from oddwire.params.notify import NotifySettings
from oddwire.params.promotion import PromotionSettings
from oddwire.params.search import DetectorName, SearchSettings
from oddwire.params.source_settings import RowKind, SourceSettings
from oddwire.params.sources import (
    DRIFT_SCENARIOS,
    GROWING,
    DriftScenario,
    NslKddSource,
    SimulatedSource,
    Source,
    TableSource,
)
from oddwire.params.training import TrainingSettings
from oddwire.params.watch import Address, WatchedSource, WatchSettings, watched

__all__ = [
    "DRIFT_SCENARIOS", "GROWING", "Address", "AlertSettings", "ConnectionsSource",
    "DetectorName", "DriftScenario", "DriftSettings", "ExploreSettings", "Fraction",
    "LabelledLogSource", "LogSource",
    "NetflowSource", "NotifySettings", "NslKddSource", "Params", "PcapSource",
    "PromotionSettings", "RowKind", "SearchSettings", "Settings", "SimulatedSource", "Source",
    "SourceSettings", "SplitSettings", "SuricataSource", "TableSource", "TargetSettings",
    "ThresholdRule", "TrainingSettings", "WatchSettings", "WatchedSource",
    "ZeekSource", "check_params", "load_params", "watched",
]  # fmt: skip
