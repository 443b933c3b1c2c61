/* The doctor's report holds what was promised and is valid JSON; a sick machine is told so. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "leitmotif/doctor.h"
#include "support/testing.h"

static const char *const promised[] = {
    "program.version",   "program.compiler",     "machine.processor",    "machine.threads",
    "machine.kernels",   "machine.features",     "machine.memory_bytes", "libraries.hdf5",
    "libraries.libyaml", "libraries.libsndfile", "libraries.soxr",       "libraries.utf8proc",
    "libraries.jansson", "libraries.xxhash",     "libraries.blas",       "libraries.mpi",
    "cuda.gpu",          "cuda.plugin",          "cuda.driver",          "checks.kernel",
    "checks.file",       "checks.healthy",
};

static json_t *look_up(json_t *root, const char *path)
{
    char section[32];
    const char *dot = strchr(path, '.');
    memcpy(section, path, (size_t)(dot - path));
    section[dot - path] = '\0';
    return json_object_get(json_object_get(root, section), dot + 1);
}

static void report_is_whole(void **state)
{
    (void)state;
    char *text = NULL;
    assert_ok(leit_doctor(1, &text));
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++)
        if (look_up(root, promised[i]) == NULL) fail_msg("the report lacks %s", promised[i]);
    assert_string_equal(json_string_value(look_up(root, "program.version")), LEIT_VERSION);
    assert_string_equal(json_string_value(look_up(root, "checks.kernel")), "layernorm is right");
    assert_true(json_is_true(look_up(root, "checks.healthy")));
    assert_true(json_integer_value(look_up(root, "machine.threads")) >= 1);
    assert_true(json_integer_value(look_up(root, "machine.memory_bytes")) > 1 << 20);
    /* Without a GPU there is a reason, and only then. */
    assert_true(json_is_false(look_up(root, "cuda.gpu")) == (look_up(root, "cuda.reason") != NULL));
    json_decref(root);
    leit_doctor_text_free(text);
    leit_doctor_text_free(NULL);
}

static void text_is_for_people(void **state)
{
    (void)state;
    char *text = NULL;
    assert_ok(leit_doctor(0, &text));
    assert_non_null(strstr(text, "machine\n  processor "));
    assert_non_null(strstr(text, "  healthy         yes\n"));
    leit_doctor_text_free(text);
}

static void sick_where_nothing_can_be_written(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(setenv("TMPDIR", "/nowhere", 1), 0);
    assert_fails(leit_doctor(0, &text), LEIT_DATA, "/nowhere/leitmotif-doctor-");
    assert_non_null(text);
    assert_non_null(strstr(text, "  healthy         no\n"));
    leit_doctor_text_free(text);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_is_whole),
        cmocka_unit_test(text_is_for_people),
        cmocka_unit_test(sick_where_nothing_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
