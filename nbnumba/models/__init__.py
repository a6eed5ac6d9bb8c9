"""Structure factors from what crystallographers have: models, MTZ files, mmCIF, lists with a space group.

Everything ends as `Reflections`, amplitudes in space group P1, which is what the simulation and nanoBragg's text want.
gemmi reads the files, knows the symmetry and computes densities; it is imported when it is first needed.
"""
