#include "leitmotif/doctor.h"

#include <hdf5.h>
#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>
#include <xxhash.h>
#include <yaml.h>

#include "core/file.h"
#include "core/memory.h"
#include "cuda/cuda_loader.h"
#include "dist/mpi_loader.h"
#include "doctor/machine.h"
#include "doctor/sheet.h"
#include "kernels/layernorm.h"

/* ---- what there is ---- */

static void report_program(leit_sheet *sheet)
{
    leit_sheet_section(sheet, "program");
    leit_sheet_text(sheet, "version", "%s", LEIT_VERSION);
#if defined(__clang__)
    leit_sheet_text(sheet, "compiler", "clang %s", __clang_version__);
#else
    leit_sheet_text(sheet, "compiler", "gcc %s", __VERSION__);
#endif
}

static void report_machine(leit_sheet *sheet, const leit_machine *machine)
{
    leit_sheet_section(sheet, "machine");
    leit_sheet_text(sheet, "processor", "%s", machine->processor);
    leit_sheet_text(sheet, "features", "%s", machine->features);
    leit_sheet_text(sheet, "kernels", "compiled for %s, which this processor %s",
                    machine->kernels_want, machine->runs_kernels ? "runs" : "does not run");
    leit_sheet_number(sheet, "threads", machine->n_processors);
    leit_sheet_number(sheet, "memory_bytes", machine->memory_bytes);
    leit_sheet_number(sheet, "available_bytes", machine->available_bytes);
}

/* Asked at run time: a shared library may be another one than that of the build. */
static void report_libraries(leit_sheet *sheet)
{
    leit_sheet_section(sheet, "libraries");
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    leit_sheet_text(sheet, "hdf5", "%u.%u.%u", major, minor, release);
    leit_sheet_text(sheet, "libyaml", "%s", yaml_get_version_string());
    leit_sheet_text(sheet, "libsndfile", "%s", sf_version_string());
    leit_sheet_text(sheet, "soxr", "%s", soxr_version());
    leit_sheet_text(sheet, "utf8proc", "%s", utf8proc_version());
    leit_sheet_text(sheet, "jansson", "%s", jansson_version_str());
    const unsigned xxh = XXH_versionNumber();
    leit_sheet_text(sheet, "xxhash", "%u.%u.%u", xxh / 10000, xxh / 100 % 100, xxh % 100);
    leit_mpi_description mpi;
    leit_mpi_describe(&mpi);
    leit_sheet_text(sheet, "mpi", "%s", mpi.has_plugin ? mpi.library : mpi.reason);
    if (mpi.has_plugin) leit_sheet_text(sheet, "mpi_plugin", "%s", mpi.plugin_path);
    leit_sheet_text(sheet, "blas", "none: matrix products on the CPU are our own");
}

/* ---- CUDA ---- */

static void report_version(leit_sheet *sheet, const char *name, int version)
{
    leit_sheet_text(sheet, name, "CUDA %d.%d", version / 1000, version % 1000 / 10);
}

static void report_ops(leit_sheet *sheet, const leit_cuda_description *cuda)
{
    char names[1024] = "";
    int count = 0;
    for (int op = 0; op < LEIT_N_OPS; op++) {
        if (!cuda->has_op[op]) continue;
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", count++ > 0 ? " " : "",
                 leit_backend_cpu()->ops[op].name);
    }
    leit_sheet_text(sheet, "ops", "%d of %d: %s", count, LEIT_N_OPS, names);
}

static void report_cuda(leit_sheet *sheet)
{
    leit_cuda_description cuda;
    leit_cuda_describe(&cuda);
    leit_sheet_section(sheet, "cuda");
    leit_sheet_yes(sheet, "gpu", cuda.has_gpu);
    if (!cuda.has_gpu) leit_sheet_text(sheet, "reason", "%s", cuda.gpu);
    leit_sheet_text(sheet, "driver", "%s", cuda.has_driver ? "found" : cuda.driver);
    leit_sheet_text(sheet, "plugin", "%s", cuda.has_plugin ? cuda.plugin_path : cuda.plugin);
    if (!cuda.has_plugin) return;
    leit_sheet_number(sheet, "plugin_abi", cuda.table.abi);
    leit_sheet_text(sheet, "plugin_version", "%s", cuda.version);
    report_version(sheet, "runtime", cuda.table.runtime_version);
    if (cuda.table.driver_version > 0)
        report_version(sheet, "driver_runs", cuda.table.driver_version);
    else
        leit_sheet_text(sheet, "runtime_says", "%s", cuda.table.reason);
    if (cuda.nccl_version > 0)
        leit_sheet_text(sheet, "nccl", "%d.%d.%d", cuda.nccl_version / 10000,
                        cuda.nccl_version / 100 % 100, cuda.nccl_version % 100);
    else
        leit_sheet_text(sheet, "nccl", "%s", cuda.nccl);
    for (int i = 0; i < LEIT_CUDA_N_LIBRARIES; i++)
        leit_sheet_text(sheet, cuda.libraries[i].name, "%s", cuda.libraries[i].finding);
    report_ops(sheet, &cuda);
    for (int i = 0; i < cuda.table.n_devices; i++) {
        const leit_cuda_device *device = &cuda.table.devices[i];
        char name[32];
        snprintf(name, sizeof name, "device_%d", i);
        leit_sheet_text(sheet, name, "%s, %.1f GiB, compute capability %d.%d, %d multiprocessors",
                        device->name, (double)device->memory_bytes / 0x1p30, device->compute_major,
                        device->compute_minor, device->n_multiprocessors);
    }
}

/* ---- does it work ---- */

static leit_status check_file(char *path, size_t size_bytes)
{
    static const char words[] = "written and read by leitmotif doctor\n";
    const char *folder = getenv("TMPDIR");
    snprintf(path, size_bytes, "%s/leitmotif-doctor-%ld",
             folder != NULL && folder[0] != '\0' ? folder : "/tmp", (long)getpid());
    leit_buffer content = {0};
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(leit_file_write(path, words, sizeof words), done);
    LEIT_TRY_GOTO(leit_file_read(path, 1024, &content), done);
    LEIT_FAIL_GOTO_IF(content.size_bytes != sizeof words ||
                          memcmp(content.data, words, sizeof words) != 0,
                      done, LEIT_DATA, "%s: read back other bytes than were written", path);
done:
    leit_buffer_clear(&content);
    if (leit_file_exists(path) && leit_file_remove(path) != LEIT_OK && status == LEIT_OK)
        status = LEIT_DATA;
    return status;
}

/* The layer norm of 1 2 3 4 by hand: mean 2.5, variance 1.25. */
static leit_status check_kernel(const leit_machine *machine)
{
    LEIT_FAIL_IF(!machine->runs_kernels, LEIT_DEVICE,
                 "the processor does not run %s code; build with -DLEITMOTIF_CPU=\"\"",
                 machine->kernels_want);
    const float x[4] = {1, 2, 3, 4}, w[4] = {1, 1, 1, 1}, b[4] = {0, 0, 0, 0};
    float y[4], mean, rstd;
    const struct leit_layernorm args = {
        .N = 1, .D = 4, .x = x, .w = w, .b = b, .y = y, .mean = &mean, .rstd = &rstd};
    const leit_exec exec = {0};
    LEIT_TRY(leit_layernorm_forward_cpu(&exec, &args));
    for (int d = 0; d < 4; d++) {
        const float expected = (x[d] - 2.5f) / sqrtf(1.25f);
        LEIT_FAIL_IF(!(fabsf(y[d] - expected) <= 4 * 0x1p-24f), LEIT_NUMERICAL,
                     "layernorm of 1 2 3 4 gives %.9g at %d, expected %.9g", (double)y[d], d,
                     (double)expected);
    }
    return LEIT_OK;
}

static void keep_first(leit_status *status, leit_status next)
{
    if (*status == LEIT_OK) *status = next;
}

static leit_status report_checks(leit_sheet *sheet, const leit_machine *machine)
{
    char path[PATH_MAX];
    leit_sheet_section(sheet, "checks");
    leit_status status = check_kernel(machine);
    leit_sheet_text(sheet, "kernel", "%s",
                    status == LEIT_OK ? "layernorm is right" : leit_error_message());
    const leit_status file = check_file(path, sizeof path);
    leit_sheet_text(sheet, "file", "%s%s", file == LEIT_OK ? "written and read: " : "",
                    file == LEIT_OK ? path : leit_error_message());
    keep_first(&status, file);
    leit_sheet_yes(sheet, "healthy", status == LEIT_OK);
    return status;
}

leit_status leit_doctor(int as_json, char **text)
{
    *text = NULL;
    leit_sheet sheet;
    leit_machine machine;
    LEIT_TRY(leit_sheet_open(&sheet));
    leit_machine_look(&machine);
    report_program(&sheet);
    report_machine(&sheet, &machine);
    report_libraries(&sheet);
    report_cuda(&sheet);
    const leit_status health = report_checks(&sheet, &machine);
    const leit_status printed = leit_sheet_print(&sheet, as_json != 0, text);
    leit_sheet_close(&sheet);
    return printed != LEIT_OK ? printed : health;
}

void leit_doctor_text_free(char *text)
{
    leit_free(text);
}
