# Sourced by scripts that start ranks with mpirun. `has_mpirun` says whether that can be done here, and why not.
export LEITMOTIF_MPI_PLUGIN=$LEIT_BINARY_DIR/libleitmotif_mpi.so
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export ASAN_OPTIONS=detect_leaks=0 # OpenMPI keeps memory to the end

# With sanitizers in the build, of which `$1` is one where it is named.
is_sanitized() {
    grep -qE "^LEITMOTIF_SANITIZE:[A-Z]*=.*${1:-[a-z]}" "$LEIT_BINARY_DIR/CMakeCache.txt"
}

has_mpirun() {
    command -v mpirun >/dev/null || { echo "mpirun is not here"; return 1; }
    [ -f "$LEITMOTIF_MPI_PLUGIN" ] || { echo "the MPI plugin is not built"; return 1; }
    if is_sanitized thread; then
        echo "the thread sanitizer ends ranks over locks of OpenMPI's own"
        return 1
    fi
}
