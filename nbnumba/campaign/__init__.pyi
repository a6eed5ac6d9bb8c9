from .dask_workers import by_dask as by_dask
from .distributions import (
    Choice as Choice,
    Column as Column,
    LogNormal as LogNormal,
    Normal as Normal,
    Uniform as Uniform,
)
from .errors import PlanError as PlanError
from .estimate import (
    Estimate as Estimate,
    contact_sheet as contact_sheet,
    estimate as estimate,
)
from .merging import (
    Merged as Merged,
    merge as merge,
)
from .plan import (
    BackgroundPlan as BackgroundPlan,
    BeamPlan as BeamPlan,
    Campaign as Campaign,
    CrystalPlan as CrystalPlan,
    DetectorPlan as DetectorPlan,
    Downsample as Downsample,
    ImagePlan as ImagePlan,
    Material as Material,
    Plan as Plan,
    ReadoutPlan as ReadoutPlan,
    ScanPlan as ScanPlan,
    SpectrumFile as SpectrumFile,
    StructureFactorsPlan as StructureFactorsPlan,
)
from .results import (
    Images as Images,
    Results as Results,
    open as open,
)
from .running import (
    Outcome as Outcome,
    WorkerChoice as WorkerChoice,
    run as run,
)
from .shots import (
    Prepared as Prepared,
    Shot as Shot,
    prepare as prepare,
    shots as shots,
)
from .standing import (
    Standing as Standing,
    standing as standing,
)
from .toml import (
    parse_plan as parse_plan,
    plan_text as plan_text,
    read_plan as read_plan,
)
