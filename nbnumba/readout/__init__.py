"""From photons to detector units: point spread, noise and digitization."""
