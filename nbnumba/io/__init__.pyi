from .cbf import (
    read_cbf as read_cbf,
    write_cbf as write_cbf,
)
from .crystfel import (
    read_geom as read_geom,
    write_geom as write_geom,
)
from .experiment import experiment_of as experiment_of
from .expt import (
    DialsExperiment as DialsExperiment,
    read_expt as read_expt,
    write_expt as write_expt,
)
from .fdump import (
    read_fdump as read_fdump,
    write_fdump as write_fdump,
)
from .float_image import (
    read_float_image as read_float_image,
    write_float_image as write_float_image,
)
from .formats import (
    check_image as check_image,
    read_image as read_image,
    read_pixels as read_pixels,
    write_image as write_image,
)
from .hkl import (
    read_hkl as read_hkl,
    read_reflections as read_reflections,
    write_hkl as write_hkl,
    write_reflections as write_reflections,
)
from .matrix import (
    read_matrix as read_matrix,
    write_matrix as write_matrix,
)
from .nxmx import (
    NXmxWriter as NXmxWriter,
    write_nxmx as write_nxmx,
)
from .nxmx_reader import read_nxmx as read_nxmx
from .pgm import (
    read_pgm as read_pgm,
    write_pgm as write_pgm,
)
from .plane import read_plane as read_plane
from .preview import write_preview as write_preview
from .radial_table import (
    read_radial_table as read_radial_table,
    write_radial_table as write_radial_table,
)
from .rotations import (
    read_rotations as read_rotations,
    write_rotations as write_rotations,
)
from .scene import (
    CrystalModel as CrystalModel,
    Goniometer as Goniometer,
    ImageFile as ImageFile,
    Scan as Scan,
    Scene as Scene,
    lattice_in_lab as lattice_in_lab,
)
from .simulated import (
    frame_of as frame_of,
    scene_of as scene_of,
)
from .smv import (
    SmvHeader as SmvHeader,
    SmvImage as SmvImage,
    read_smv as read_smv,
    read_smv_header as read_smv_header,
    write_smv as write_smv,
)
from .smv_headers import smv_header as smv_header
from .source_list import (
    read_sources as read_sources,
    write_sources as write_sources,
)
from .spectrum import (
    read_spectrum as read_spectrum,
    write_spectrum as write_spectrum,
)
from .stol import (
    StolText as StolText,
    read_stol as read_stol,
)
from .tiff import (
    read_tiff as read_tiff,
    write_tiff as write_tiff,
)
from .xparm import read_xparm as read_xparm
