# The front door. `make demo` does the main job, `make test` runs the tests; both install what is missing.
.PHONY: all deps configure build demo test test-long check check-data bench format clean

BUILD ?= build
JOBS  ?= $(shell nproc)

all: build

deps:
	@scripts/install_deps

configure: deps
	@test -f $(BUILD)/build.ninja || cmake --preset release -B $(BUILD) -DLEITMOTIF_TESTS=ON >/dev/null

build: configure
	@cmake --build $(BUILD) -j $(JOBS)

# The program alone: tests, benchmarks and the CUDA plugin take longer than the demonstration.
demo: configure
	@cmake --build $(BUILD) -j $(JOBS) --target leitmotif
	@scripts/demo $(BUILD)

check: build
	@scripts/check_levels
	@scripts/check_names $(BUILD)
	@scripts/check_lengths
	@scripts/check_format
	@scripts/check_tidy $(BUILD)

test: build
	@scripts/run_tests $(BUILD)

test-long: build
	@scripts/run_tests_long $(BUILD)

# The checks that need real files: make check-data DATA=/path/to/data
check-data: build
	@test -n "$(DATA)" || { echo "set DATA to the folder of the real data sets; see datasets/"; exit 2; }
	@scripts/check_data $(BUILD) $(DATA)

bench: build
	@scripts/bench $(BUILD)

format:
	@git ls-files -co --exclude-standard -- '*.c' '*.h' '*.cu' '*.cuh' 'tests/*.cc' | xargs clang-format -i

clean:
	@rm -rf $(BUILD)
