"""Photons of an amorphous sample, on an absolute scale: nonBragg's own sequence, and the same physics for any curve."""
