#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/container_hdf5.h"
#include "core/clock.h"

enum { MESSAGE_BYTES = 1024 };
#define PROBE_MEMORY_BYTES ((rlim_t)1 << 30)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOW_MEMORY 1 /* a sanitizer reserves terabytes of addresses */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif
#ifndef SHADOW_MEMORY
#define SHADOW_MEMORY 0
#endif

/* Limits are on top of what the parent has mapped already (a CUDA process maps very much). */
static void limit_memory(void)
{
    unsigned long pages = 0;
    char text[64] = {0};
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    if (read(file, text, sizeof text - 1) > 0) pages = strtoul(text, NULL, 10);
    close(file);
    rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + PROBE_MEMORY_BYTES;
    setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = bytes, .rlim_max = bytes});
}

/* Runs in the child: no output but the pipe, no clean-up of the parent's things. */
static _Noreturn void walk_in_child(const char *path, int pipe_end)
{
    leit_hdf5_after_fork();
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    if (!SHADOW_MEMORY) limit_memory();
    leit_status status = leit_container_walk(path);
    char message[MESSAGE_BYTES] = {0};
    message[0] = (char)status;
    snprintf(message + 1, sizeof message - 1, "%s", leit_error_message());
    ssize_t written = write(pipe_end, message, sizeof message);
    _Exit(written == (ssize_t)sizeof message ? 0 : 1);
}

/* Waits for the child's message until the deadline; bytes received. */
static size_t receive(int pipe_end, int time_limit_s, char message[MESSAGE_BYTES])
{
    int64_t start_ns = leit_clock_ns();
    size_t size_bytes = 0;
    while (size_bytes < MESSAGE_BYTES) {
        double left_s = time_limit_s - leit_clock_seconds_since(start_ns);
        if (left_s <= 0) break;
        struct pollfd wait = {.fd = pipe_end, .events = POLLIN};
        int ready = poll(&wait, 1, (int)(left_s * 1000) + 1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) break;
        ssize_t got = read(pipe_end, message + size_bytes, MESSAGE_BYTES - size_bytes);
        if (got <= 0) break;
        size_bytes += (size_t)got;
    }
    return size_bytes;
}

/* The lock is held across fork, so that the child's copy of the library is at rest. */
leit_status leit_container_probe(const char *path, int time_limit_s)
{
    HDF5_ALONE;
    int ends[2];
    LEIT_FAIL_IF(pipe2(ends, O_CLOEXEC) != 0, LEIT_INTERNAL, "cannot make a pipe: %s",
                 leit_error_reason(errno));
    int64_t start_ns = leit_clock_ns();
    pid_t child = fork();
    if (child == 0) walk_in_child(path, ends[1]);
    int reason = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        LEIT_FAIL(LEIT_INTERNAL, "cannot start a child to read %s: %s", path,
                  leit_error_reason(reason));
    }
    char message[MESSAGE_BYTES] = {0};
    size_t got_bytes = receive(ends[0], time_limit_s, message);
    close(ends[0]);
    bool late = got_bytes < MESSAGE_BYTES && leit_clock_seconds_since(start_ns) >= time_limit_s;
    kill(child, SIGKILL);
    int wait_status = 0;
    while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR) continue;

    if (got_bytes == MESSAGE_BYTES) {
        message[MESSAGE_BYTES - 1] = '\0';
        leit_status status = (leit_status)message[0];
        LEIT_FAIL_IF(status != LEIT_OK, status, "%s", message + 1);
        return LEIT_OK;
    }
    LEIT_FAIL_IF(late, LEIT_DATA, "%s: reading it took longer than %d s; the file is damaged", path,
                 time_limit_s);
    LEIT_FAIL_IF(WIFSIGNALED(wait_status), LEIT_DATA,
                 "%s crashes the HDF5 library (signal %d): the file is damaged", path,
                 WTERMSIG(wait_status));
    LEIT_FAIL(LEIT_DATA, "%s: the child that read it ended without a word", path);
}
