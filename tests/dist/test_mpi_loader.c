/* What stands between a launch and its ranks before MPI is asked: no plugin, another version of it, a
 * launcher that brings no MPI. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dist/mpi_loader.h"
#include "support/testing.h"

static const leit_launch two = {.launcher = LEIT_LAUNCHER_OPENMPI, .rank = 1, .size = 2};

static const char *use_plugin(const char *kind)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/dist/fake_mpi_%s.so", LEIT_TEST_BINARY_DIR, kind);
    assert_int_equal(setenv(LEIT_MPI_PLUGIN_VARIABLE, path, 1), 0);
    return path;
}

static void one_rank_needs_no_plugin(void **state)
{
    (void)state;
    leit_dist *dist = NULL;
    use_plugin("missing");
    assert_ok(leit_dist_create_launched(&(leit_launch){.size = 1}, 1000, &dist));
    assert_int_equal(leit_dist_size(dist), 1);
    leit_dist_close(dist);
}

static void refused_plugins(void **state)
{
    (void)state;
    leit_dist *dist = NULL;
    use_plugin("missing");
    assert_fails(leit_dist_create_launched(&two, 1000, &dist), LEIT_USAGE,
                 "mpirun has started 2 ranks: LEITMOTIF_MPI_PLUGIN is '");
    use_plugin("other_abi");
    assert_fails(leit_dist_create_launched(&two, 1000, &dist), LEIT_USAGE,
                 "fake_mpi_other_abi.so is the MPI plugin of Leitmotif " LEIT_VERSION
                 " with interface ");
    use_plugin("other_version");
    assert_fails(leit_dist_create_launched(&two, 1000, &dist), LEIT_USAGE,
                 "is the MPI plugin of Leitmotif 9.9.9; this is Leitmotif " LEIT_VERSION);
    assert_null(dist);
}

static void described(void **state)
{
    (void)state;
    leit_mpi_description d;
    const char *path = use_plugin("good");
    leit_mpi_describe(&d);
    assert_true(d.has_plugin);
    assert_string_equal(d.plugin_path, path);
    assert_string_equal(d.library, "Fake MPI");
    use_plugin("missing");
    leit_mpi_describe(&d);
    assert_false(d.has_plugin);
    assert_non_null(strstr(d.reason, "fake_mpi_missing.so', expected the path of "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rank_needs_no_plugin),
        cmocka_unit_test(refused_plugins),
        cmocka_unit_test(described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
