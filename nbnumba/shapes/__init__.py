"""Crystal shapes, a file each: the amplitude that a lattice of given size adds around each reflection.

A file holds every form in which engines need its shape transform: C's, on one point; that of a GPU, in float64 and in
float32; and over the lanes of a block. `registry` lists them, `by_shape` calls the right one.
"""
