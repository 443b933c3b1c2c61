/* Ranks as processes that share a value over TCP, and everybody else who may come to that port. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/tcp_store.h"
#include "leitmotif/log.h"
#include "support/testing.h"

enum { MAX_RANKS = 4, DEADLINE_MS = 20000, SHORT_MS = 700 };

/* What one process does and what it found. */
typedef struct rank_story {
    int rank, size, after_ms;
    const char *key;
    size_t bytes;
    int64_t deadline_ms;
    void (*stranger)(int port); /* in place of a rank */
    leit_status status;
    char sentence[1024];
    double seconds;
    bool is_right;
    int n_warnings;
} rank_story;

static int n_warnings;

static void count_warning(void *context, leit_log_level level, const char *line)
{
    (void)line;
    (void)context;
    n_warnings += level == LEIT_LOG_WARNING;
}

/* ---- sockets of no rank ---- */

static struct sockaddr_in address_of(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int bound_socket(int *port)
{
    struct sockaddr_in address = address_of(0);
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int free_port(void)
{
    int port = 0;
    close(bound_socket(&port));
    return port;
}

static int call(int port)
{
    const struct sockaddr_in address = address_of(port);
    for (int i = 0; i < 200; i++) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
        close(fd);
        usleep(20000);
    }
    return -1;
}

static void say(int port, const void *bytes, size_t n)
{
    char heard[16];
    const int fd = call(port);
    if (send(fd, bytes, n, MSG_NOSIGNAL) < 0 || recv(fd, heard, sizeof heard, 0) > 0) exit(1);
    close(fd);
}

static void speak_http(int port)
{
    static const char words[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    say(port, words, sizeof words - 1);
}

/* The magic, and noise after it: a key without an end. */
static void speak_noise(int port)
{
    char words[88];
    memset(words, 'x', sizeof words);
    memcpy(words, "leitsto1", 8);
    say(port, words, sizeof words);
}

static void say_nothing(int port)
{
    const int fd = call(port);
    usleep(6000000);
    close(fd);
}

static void break_off(int port)
{
    const int fd = call(port);
    if (send(fd, "leitsto1", 8, MSG_NOSIGNAL) != 8) exit(1);
    close(fd);
}

/* ---- ranks ---- */

static unsigned char byte_of(size_t i)
{
    return (unsigned char)(i * 7 % 251);
}

static void live(rank_story *own, int port)
{
    usleep((useconds_t)own->after_ms * 1000);
    if (own->stranger != NULL) {
        own->stranger(port);
        return;
    }
    leit_log_set_sink(count_warning, NULL);
    const leit_launch launch = {.launcher = LEIT_LAUNCHER_TORCHRUN,
                                .rank = own->rank,
                                .size = own->size,
                                .master_address = "localhost",
                                .store_port = port};
    unsigned char *value = leit_allocate(own->bytes, 1);
    for (size_t i = 0; own->rank == 0 && i < own->bytes; i++) value[i] = byte_of(i);
    const int64_t begin_ns = leit_clock_ns();
    own->status = leit_tcp_store_share(&launch, own->key, value, own->bytes, own->deadline_ms);
    own->seconds = leit_clock_seconds_since(begin_ns);
    if (own->status != LEIT_OK) snprintf(own->sentence, 1024, "%s", leit_error_message());
    own->is_right = true;
    for (size_t i = 0; i < own->bytes; i++) own->is_right &= value[i] == byte_of(i);
    own->n_warnings = n_warnings;
    leit_free(value);
}

/* Each story in a process of its own; they come back with what they found. */
static void tell(rank_story *stories, int n, int port)
{
    int pipes[MAX_RANKS][2];
    for (int i = 0; i < n; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child > 0) continue;
        live(&stories[i], port);
        _exit(write(pipes[i][1], &stories[i], sizeof stories[i]) == (ssize_t)sizeof stories[i] ? 0
                                                                                               : 1);
    }
    for (int i = 0; i < n; i++) {
        int ended = 0;
        close(pipes[i][1]);
        assert_int_equal(read(pipes[i][0], &stories[i], sizeof stories[i]), sizeof stories[i]);
        close(pipes[i][0]);
        assert_true(wait(&ended) > 0);
        assert_int_equal(ended, 0);
    }
}

static rank_story story(int rank, int size)
{
    return (rank_story){
        .rank = rank, .size = size, .key = "nccl", .bytes = 128, .deadline_ms = DEADLINE_MS};
}

static rank_story stranger(void (*does)(int port))
{
    return (rank_story){.stranger = does};
}

static void expect(const rank_story *told, leit_status status, const char *fragment)
{
    if (told->status != status)
        fail_msg("rank %d of %d: %d (%s)", told->rank, told->size, told->status, told->sentence);
    if (status == LEIT_OK)
        assert_true(told->is_right);
    else if (strstr(told->sentence, fragment) == NULL)
        fail_msg("rank %d says '%s', expected '%s'", told->rank, told->sentence, fragment);
}

/* ---- tests ---- */

static void test_all_get_it(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 128, LEIT_TCP_STORE_MAX_BYTES};
    for (int n = 1; n <= MAX_RANKS; n++) {
        for (int k = 0; k < 4; k++) {
            rank_story stories[MAX_RANKS];
            for (int r = 0; r < n; r++) stories[r] = story(r, n);
            for (int r = 0; r < n; r++) stories[r].bytes = sizes[k];
            if (k == 2) stories[0].after_ms = 300; /* the others come again */
            tell(stories, n, free_port());
            for (int r = 0; r < n; r++) expect(&stories[r], LEIT_OK, "");
        }
    }
}

static void test_missing_ranks_are_named(void **state)
{
    (void)state;
    rank_story two[] = {story(0, 4), story(1, 4)};
    for (int r = 0; r < 2; r++) two[r].deadline_ms = SHORT_MS;
    tell(two, 2, free_port());
    expect(&two[0], LEIT_RANK, "rank 0 of 4 waited ");
    expect(&two[0], LEIT_RANK, " s at the store localhost:");
    expect(&two[0], LEIT_RANK, " (nccl) for ranks 2, 3: see what was said there, or raise");
    expect(&two[1], LEIT_OK, "");
    assert_true(two[0].seconds >= 0.7 && two[0].seconds < 10.0);

    rank_story others[] = {story(1, 3), story(2, 3)};
    for (int r = 0; r < 2; r++) others[r].deadline_ms = SHORT_MS;
    tell(others, 2, free_port());
    for (int r = 0; r < 2; r++) {
        expect(&others[r], LEIT_RANK, " (nccl) for rank 0: see what was said there");
        assert_true(others[r].seconds >= 0.7 && others[r].seconds < 10.0);
    }
}

static void test_strangers_disturb_nobody(void **state)
{
    (void)state;
    static void (*const kinds[])(int) = {speak_http, speak_noise, break_off, say_nothing};
    for (int k = 0; k < 4; k++) {
        rank_story stories[] = {story(0, 2), stranger(kinds[k]), story(1, 2)};
        stories[2].after_ms = 700;
        tell(stories, 3, free_port());
        expect(&stories[0], LEIT_OK, "");
        expect(&stories[2], LEIT_OK, "");
        assert_int_equal(stories[0].n_warnings, k < 2);
        assert_true(stories[0].seconds < 5.5); /* nobody waits for who says nothing */
    }
}

static void expect_refusal(rank_story other, const char *here, const char *there)
{
    rank_story stories[] = {story(0, 2), other};
    tell(stories, 2, free_port());
    expect(&stories[0], LEIT_USAGE, here);
    expect(&stories[1], LEIT_USAGE, there);
}

static void test_ranks_of_another_run_are_refused(void **state)
{
    (void)state;
    rank_story other = story(1, 2);
    other.bytes = 64;
    expect_refusal(other, "rank 0 of 2 wants 128 bytes (nccl) at the store localhost:",
                   " where rank 0 of 2 has 128 bytes (nccl): start all ranks with the same");
    other.bytes = 256;
    expect_refusal(other, "where rank 1 of 2 has 256 bytes (nccl)", "rank 1 of 2 wants 256 bytes");
    other = story(1, 2);
    other.key = "seed";
    expect_refusal(other, "rank 1 of 2 has 128 bytes (seed)", "wants 128 bytes (seed)");
    expect_refusal(story(1, 3), "where rank 1 of 3 has", "where rank 0 of 2 has");
    rank_story twice[] = {story(0, 3), story(1, 3), story(1, 3)};
    twice[2].after_ms = 300;
    twice[2].deadline_ms = SHORT_MS;
    tell(twice, 3, free_port());
    expect(&twice[0], LEIT_USAGE, "a second process says at the store localhost:");
    expect(&twice[1], LEIT_OK, "");
}

static void answer_as_ssh(int listener)
{
    const int fd = accept(listener, NULL, NULL);
    static const char words[] = "SSH-2.0-OpenSSH_9.2\r\n";
    (void)!write(fd, words, sizeof words - 1);
    usleep(500000);
    close(fd);
}

static void test_another_program_at_the_port(void **state)
{
    (void)state;
    int port = 0, listener = bound_socket(&port);
    assert_int_equal(listen(listener, 4), 0);
    rank_story first = story(0, 2);
    tell(&first, 1, port);
    expect(&first, LEIT_USAGE, "rank 0 cannot listen at port ");
    expect(&first, LEIT_USAGE,
           "Address already in use; name a free one of rank 0's machine in "
           "LEITMOTIF_STORE_PORT");
    const pid_t child = fork();
    if (child == 0) {
        answer_as_ssh(listener);
        _exit(0);
    }
    rank_story second = story(1, 2);
    live(&second, port);
    assert_int_equal(waitpid(child, NULL, 0), child);
    expect(&second, LEIT_USAGE, "another program than rank 0 answers at the store localhost:");
    close(listener);
    /* It listens and says nothing: only the deadline ends that. */
    listener = bound_socket(&port);
    assert_int_equal(listen(listener, 4), 0);
    second = story(1, 2);
    second.deadline_ms = SHORT_MS;
    live(&second, port);
    expect(&second, LEIT_RANK, "for rank 0");
    close(listener);
}

static void test_what_cannot_be_shared(void **state)
{
    (void)state;
    const leit_launch two = {.launcher = LEIT_LAUNCHER_OPENMPI, .size = 2};
    char value[8];
    assert_fails(leit_tcp_store_share(&two, "nccl", value, 8, 100), LEIT_INTERNAL,
                 "mpirun gives no address for a store");
    assert_fails(leit_tcp_store_share(&two, "nccl", value, LEIT_TCP_STORE_MAX_BYTES + 1, 100),
                 LEIT_INTERNAL, "are too many");
    const leit_launch nowhere = {
        .rank = 1, .size = 2, .master_address = "no.such.host.invalid", .store_port = 1};
    assert_fails(leit_tcp_store_share(&nowhere, "nccl", value, 8, 100), LEIT_USAGE,
                 "MASTER_ADDR is 'no.such.host.invalid': ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_get_it),
        cmocka_unit_test(test_missing_ranks_are_named),
        cmocka_unit_test(test_strangers_disturb_nobody),
        cmocka_unit_test(test_ranks_of_another_run_are_refused),
        cmocka_unit_test(test_another_program_at_the_port),
        cmocka_unit_test(test_what_cannot_be_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
