from .diff import (
    Divergence as Divergence,
    KeySummary as KeySummary,
    MissingLine as MissingLine,
    TraceComparison as TraceComparison,
    compare_traces as compare_traces,
)
from .file import (
    Trace as Trace,
    TraceLine as TraceLine,
    extract_trace as extract_trace,
    parse_trace as parse_trace,
    read_trace as read_trace,
)
from .record import (
    PixelTrace as PixelTrace,
    record_pixels as record_pixels,
    trace_lines as trace_lines,
    write_trace as write_trace,
)
from .report import print_report as print_report
from .taps import (
    TAPS as TAPS,
    tap_pixel as tap_pixel,
)
