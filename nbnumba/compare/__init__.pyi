from .assessment import (
    Assessment as Assessment,
    assess as assess,
)
from .bundle import (
    Outcome as Outcome,
    compare_images as compare_images,
    write_bundle as write_bundle,
)
from .metrics import (
    DEFAULT_BARS as DEFAULT_BARS,
    ImageMetrics as ImageMetrics,
    Judgement as Judgement,
    judge as judge,
    measure as measure,
)
from .peaks import (
    PeakMatch as PeakMatch,
    find_peaks as find_peaks,
    match_peaks as match_peaks,
)
