# Sourced by tests that ask a Python package which is no dependency: skipped where it is missing.
python=${LEIT_PYTHON:-python3}

# need PACKAGE
need() {
    "$python" -c "import $1" 2>/dev/null && return
    echo "skipped: $python has no package $1; set LEIT_PYTHON to a Python that has"
    exit 77
}

# kept PROGRAM: what a test program leaves behind when it is told to.
kept() {
    LEIT_KEEP=1 "$LEIT_BINARY_DIR/tests/$1" 2>&1 | sed -n 's/^kept: //p'
}
