# Needs Python >= 3.10 and make. PYTHON chooses the interpreter that makes the virtual environment, VENV its folder.
PYTHON ?= python3
VENV ?= .venv
# Relative, for make splits absolute paths at their spaces.
BIN := $(VENV)/bin
# What compiles CUDA kernels is large and needed by few tests, so it has an environment of its own.
VENV_CUDA ?= .venv-cuda
BIN_CUDA := $(VENV_CUDA)/bin
# cuda12 for a driver that knows no CUDA 13.
CUDA_EXTRA ?= cuda
# Processes that share the files of tests.
JOBS ?= 2
ER1 := nbnumba/data/er1

.DEFAULT_GOAL := help
.PHONY: help install demo readout-pictures test test-wheel test-oldest coverage test-cuda test-dials test-slurm gpu-check cuda-tables lint golden physics bench docs docs-shots clean clean-cache

help:
	@echo 'make demo         simulate the shipped Er-1 crystal in water on a CCD into demo_output/'
	@echo 'make test         run the tests'
	@echo 'make test-wheel   build the wheel, simulate with it alone in an empty folder'
	@echo 'make test-oldest  run a part of the tests with the oldest packages that setup.cfg allows'
	@echo 'make coverage     lines of the model that a part of the tests runs, without JIT'
	@echo 'make test-cuda    check the CUDA engine without a GPU'
	@echo 'make test-dials   check files with DIALS, where it is installed'
	@echo 'make test-slurm   run campaigns on a SLURM of this machine, where it is installed'
	@echo 'make gpu-check    check and time the CUDA engine on the GPU of this machine, write gpu_report/'
	@echo 'make cuda-tables  write the tables of docs/cuda.md anew'
	@echo 'make docs         build the site, build/site/index.html'
	@echo 'make docs-shots   pictures of five of its pages, where Chromium is installed'
	@echo 'make lint         style, types and import contracts'
	@echo 'make golden       compare all golden cases with nanoBragg.c, write docs/golden.md'
	@echo 'make physics      write the table and pictures of docs/physics.md anew'
	@echo 'make bench        measure speed, write bench_output/'
	@echo 'make readout-pictures  draw the pictures of docs/readout.md anew'
	@echo 'make clean        remove what make made, but for $(VENV)'
	@echo 'make clean-cache  remove the compiled kernels'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("nbnumba needs Python 3.10 or later: make PYTHON=..." if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.nbnumba-installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.nbnumba-dev-installed: $(VENV)/.nbnumba-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

install: $(VENV)/.nbnumba-installed

$(VENV)/.nbnumba-hdf5-installed: $(VENV)/.nbnumba-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[hdf5]'
	@touch $@

$(VENV)/.nbnumba-plots-installed: $(VENV)/.nbnumba-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[plots]'
	@touch $@

demo: $(VENV)/.nbnumba-hdf5-installed
	mkdir -p demo_output
	$(BIN)/nbnumba -mat $(ER1)/er1_1.0.mat -hkl $(ER1)/er1_P1.hkl -dump demo_output/Fdump.bin -lambda 1.0 -Na 5 -Nb 12 \
		-Nc 12 -detpixels 1536 -pixel 0.1 -distance 90 -phi 30 -osc 4 -phisteps 40 -mosaic 0.5 -mosaic_domains 12 \
		-fluence 3e28 -beamsize 0.0001 --background water:60nm --readout ccd --psf fiber:150um -seed 1 \
		-floatfile demo_output/er1_photons.bin -intfile demo_output/er1_photons.img -scale 1 -nopgm -nonoise \
		--output demo_output/er1.nxs --output demo_output/er1.img --output demo_output/er1.png
	@echo 'The images are in demo_output/:' && ls -1 demo_output/er1*

test: $(VENV)/.nbnumba-dev-installed
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# The crystal is the one in the wheel, the folder empty.
WHEEL := build/wheel
test-wheel:
	rm -rf $(WHEEL) build/lib build/bdist.* && mkdir -p $(WHEEL)/empty
	$(PYTHON) -m venv $(WHEEL)/venv
	$(WHEEL)/venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(WHEEL) .
	$(WHEEL)/venv/bin/python -m pip install --quiet --disable-pip-version-check $(WHEEL)/*.whl
	cd $(WHEEL)/empty && data=$$(../venv/bin/python -c 'import nbnumba; print(nbnumba.__path__[0])')/data/er1 && \
		../venv/bin/nbnumba -mat "$$data/er1_1.0.mat" -hkl "$$data/er1_P1.hkl" -lambda 1 -N 3 -detpixels 64 -pixel 1 \
		-distance 90 -nonoise -floatfile photons.bin && test $$(wc -c < photons.bin) = 16384

# Python as the oldest NumPy has wheels for; what sets up the environment is no package of ours.
VENV_OLDEST ?= .venv-oldest
test-oldest: $(VENV)/.nbnumba-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv venv --quiet --clear --python '>=3.10,<3.13' $(VENV_OLDEST)
	$(BIN)/uv pip install --quiet --python $(VENV_OLDEST)/bin/python --resolution lowest-direct --editable '.[test]'
	$(VENV_OLDEST)/bin/python -m pytest tests/test_golden.py tests/test_library.py tests/test_documented_commands.py \
		tests/test_project.py tests/campaign/test_run.py tests/cli tests/flags tests/io tests/models tests/pictures

# Without JIT coverage sees into the kernels. Files and printed figures are left out, for sums in float32 round otherwise
# in plain Python; so is a test of what the compiler does.
INTERPRETED := (test_physics and not compiled and not normalising) or test_setup or (pixels_equal and (roi or N_is_1 or \
	shape_ or polar_kahn or thick_layers or mosaic_seed or divergence_round))
coverage: $(VENV)/.nbnumba-dev-installed
	mkdir -p build
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m coverage run -m pytest -q tests/physics/test_physics.py tests/setup/test_setup.py \
		tests/test_golden.py -k '$(INTERPRETED)'
	$(BIN)/python -m coverage report --skip-empty

$(BIN_CUDA)/python:
	$(PYTHON) -m venv $(VENV_CUDA)

$(VENV_CUDA)/.nbnumba-ptx-installed: setup.cfg pyproject.toml | $(BIN_CUDA)/python
	$(BIN_CUDA)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,ptx]'
	@touch $@

# Three processes: numba-cuda can simulate or compile, and what one finds in memory the other must not.
test-cuda: $(VENV_CUDA)/.nbnumba-ptx-installed
	$(BIN_CUDA)/python -m pytest -n $(JOBS) --dist loadfile tests/test_engines.py tests/cuda/test_gpu_check.py tests/cuda/test_ptx_host.py tests/cuda/test_engine.py \
		tests/cuda/test_uploads.py tests/cuda/test_golden_cases.py tests/cuda/test_background.py \
		tests/cuda/test_kept_kernels.py tests/cuda/test_random_numbers.py tests/cuda/test_spots.py tests/cuda/test_derivatives.py
	$(BIN_CUDA)/python -m pytest tests/cuda/test_compiled.py
	NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 $(BIN_CUDA)/python -m pytest tests/cuda/test_simulated.py

# On Debian: apt-get install dials. Nothing is installed here, and without it all is skipped.
test-dials: $(VENV)/.nbnumba-dev-installed
	$(BIN)/python -m pytest -m dials -rs tests/dials

# On Debian, as root: apt-get install slurm-wlm munge. Without them all is skipped.
test-slurm: $(VENV)/.nbnumba-dev-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'dask-jobqueue>=0.9'
	$(BIN)/python -m pytest -m slurm -rs tests/campaign/test_slurm.py

$(VENV_CUDA)/.nbnumba-gpu-installed: $(VENV_CUDA)/.nbnumba-ptx-installed
	$(BIN_CUDA)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(CUDA_EXTRA)]'
	@touch $@

# The report first: it stands whatever becomes of the tests.
gpu-check: $(VENV_CUDA)/.nbnumba-gpu-installed
	PYTHONPATH=tests $(BIN_CUDA)/python tests/cuda/gpu_check.py gpu_report
	$(BIN_CUDA)/python -m pytest -m gpu -rs tests/cuda

cuda-tables: $(VENV_CUDA)/.nbnumba-ptx-installed
	PYTHONPATH=tests $(BIN_CUDA)/python tests/cuda/document.py

# mypy can't follow the mapping of cli/ to nbnumba_cli, so it is shown a link of that name.
lint: $(VENV)/.nbnumba-dev-installed
	$(BIN)/ruff check .
	mkdir -p build/types && ln -sfn ../../cli build/types/nbnumba_cli
	$(BIN)/mypy -p nbnumba -p nbnumba_cli
	$(BIN)/lint-imports

golden: $(VENV)/.nbnumba-dev-installed
	$(BIN)/python tests/golden_table.py docs/golden.md

physics: $(VENV)/.nbnumba-dev-installed
	$(BIN)/python tests/physics_document.py

readout-pictures: $(VENV)/.nbnumba-dev-installed
	$(BIN)/python tests/readout_pictures.py docs/readout

$(VENV)/.nbnumba-docs-installed: $(VENV)/.nbnumba-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all,docs]'
	@touch $@

# Warnings, links inside the site that lead nowhere among them, are errors; nothing is taken from the net.
docs: $(VENV)/.nbnumba-docs-installed
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site
	@echo 'build/site/index.html'

docs-shots: docs
	$(BIN)/python docs/shots.py build/site

bench: $(VENV)/.nbnumba-plots-installed
	$(BIN)/nbnumba bench --profile --outdir bench_output

clean:
	rm -rf build docs/gallery docs/generated demo_output bench_output *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find nbnumba cli tests -name __pycache__ -exec rm -rf {} +

clean-cache: install
	$(BIN)/python -c 'import shutil; from nbnumba.numerics.jit import cache_root; shutil.rmtree(cache_root(), ignore_errors=True)'
