from .figure import draw_image as draw_image, image_figure as image_figure
from .greys import grey_scale as grey_scale, save_figure as save_figure
