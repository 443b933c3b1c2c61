/* Everything that can be missing on the way to a GPU, each with its own sentence. A system library
 * stands in for the driver, which machines without a GPU lack. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/cuda_loader.h"
#include "support/testing.h"

#define SOME_DRIVER "libc.so.6"

static const char *plugin(const char *kind)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/cuda/fake_%s.so", LEIT_TEST_BINARY_DIR, kind);
    return path;
}

static leit_status try_plugin(const char *kind)
{
    leit_cuda *cuda = NULL;
    leit_status status = leit_cuda_open_files(SOME_DRIVER, plugin(kind), &cuda);
    if (status != LEIT_OK) assert_null(cuda);
    leit_cuda_close(cuda);
    return status;
}

static void no_driver(void **state)
{
    (void)state;
    leit_cuda *cuda = NULL;
    assert_fails(leit_cuda_open_files("libno_such_driver.so.1", plugin("good"), &cuda), LEIT_DEVICE,
                 "there is no NVIDIA driver on this machine: libno_such_driver.so.1");
    assert_null(cuda);
}

static void refused_plugins(void **state)
{
    (void)state;
    assert_fails(try_plugin("missing"), LEIT_DEVICE, "cannot open the CUDA plugin");
    assert_fails(try_plugin("no_function"), LEIT_DEVICE, "it has no leit_cuda_plugin");
    assert_fails(try_plugin("no_table"), LEIT_DEVICE, "gave no table");
    assert_fails(try_plugin("other_abi"), LEIT_DEVICE, " with interface ");
    assert_fails(try_plugin("other_version"), LEIT_DEVICE,
                 "is the CUDA plugin of Leitmotif 9.9.9; this is Leitmotif " LEIT_VERSION);
    assert_fails(try_plugin("other_ops"), LEIT_DEVICE, "ops, this program");
    assert_fails(try_plugin("no_device"), LEIT_DEVICE, "all of them are on holiday");
}

static void good_plugin(void **state)
{
    (void)state;
    leit_cuda *cuda = NULL;
    assert_ok(leit_cuda_open_files(SOME_DRIVER, plugin("good"), &cuda));
    const leit_cuda_table *table = leit_cuda_table_of(cuda);
    assert_int_equal(table->n_devices, 1);
    assert_string_equal(table->devices[0].name, "Fake GPU");
    leit_cuda_close(cuda);
    leit_cuda_close(NULL);
}

static void refused_libraries(void **state)
{
    (void)state;
    leit_cuda *cuda = NULL;
    assert_ok(leit_cuda_open_files(SOME_DRIVER, plugin("good"), &cuda));
    assert_ok(leit_cuda_check_kernels(cuda, LEIT_KERNELS_CUDNN));
    leit_cuda_close(cuda);
    assert_ok(leit_cuda_open_files(SOME_DRIVER, plugin("no_library"), &cuda));
    assert_ok(leit_cuda_check_kernels(cuda, LEIT_KERNELS_FAST));
    assert_fails(leit_cuda_check_kernels(cuda, LEIT_KERNELS_CUDNN), LEIT_DEVICE,
                 "run.kernels is cudnn: cuBLASLt is on holiday");
    leit_cuda_close(cuda);

    leit_cuda_description d;
    assert_int_equal(setenv(LEIT_CUDA_PLUGIN_VARIABLE, plugin("no_library"), 1), 0);
    leit_cuda_describe(&d);
    assert_true(d.has_plugin);
    assert_string_equal(d.libraries[0].finding, "cuBLASLt is on holiday");
    assert_int_equal(unsetenv(LEIT_CUDA_PLUGIN_VARIABLE), 0);
}

static void named_by_the_environment(void **state)
{
    (void)state;
    leit_cuda *cuda = NULL;
    assert_int_equal(setenv(LEIT_CUDA_PLUGIN_VARIABLE, plugin("good"), 1), 0);
    assert_ok(leit_cuda_open_files(SOME_DRIVER, NULL, &cuda));
    leit_cuda_close(cuda);

    leit_cuda_description d;
    leit_cuda_describe(&d);
    assert_true(d.has_plugin);
    assert_string_equal(d.plugin_path, plugin("good"));
    assert_string_equal(d.version, LEIT_VERSION);
    assert_int_equal(d.nccl_version, 22809);
    assert_string_equal(d.libraries[0].name, "cuBLASLt");
    assert_string_equal(d.libraries[0].finding, "13.1.0");
    assert_true(d.has_gpu == d.has_driver); /* the fake has a device on every machine */
    assert_true(d.has_gpu == (d.gpu[0] == '\0'));

    assert_int_equal(setenv(LEIT_CUDA_PLUGIN_VARIABLE, "/nowhere/plugin.so", 1), 0);
    assert_fails(leit_cuda_open_files(SOME_DRIVER, NULL, &cuda), LEIT_DEVICE,
                 "LEITMOTIF_CUDA_PLUGIN is '/nowhere/plugin.so'");
    leit_cuda_describe(&d);
    assert_false(d.has_plugin);
    assert_false(d.has_gpu);
    assert_true(d.gpu[0] != '\0');
    assert_int_equal(unsetenv(LEIT_CUDA_PLUGIN_VARIABLE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_driver),
        cmocka_unit_test(refused_plugins),
        cmocka_unit_test(good_plugin),
        cmocka_unit_test(refused_libraries),
        cmocka_unit_test(named_by_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
