"""Run by the Python of DIALS: prints h, k, l of spots, how far each is from its prediction (pixels), and its image."""

from __future__ import annotations

import json
import sys

from dials.array_family import flex

table = flex.reflection_table.from_file(sys.argv[1])
table = table.select(table["miller_index"] != (0, 0, 0))
seen, predicted = table["xyzobs.px.value"].parts(), table["xyzcal.px"].parts()
distance = flex.sqrt(flex.pow2(seen[0] - predicted[0]) + flex.pow2(seen[1] - predicted[1]))
rows = zip(table["miller_index"], distance, predicted[2], strict=True)
print(json.dumps([(*index, far, image) for index, far, image in rows]))
