/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/marker_reader.h"

#include "bench/arguments.h"
#include "stats/robust.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void *drain(void *ctx)
{
    static char text[1 << 16];
    int fd;
    while ((fd = accept(*(int *)ctx, NULL, NULL)) >= 0) {
        while (read(fd, text, sizeof text) > 0)
            ;
        close(fd);
    }
    return NULL;
}

bool bench_reader_start(struct bench_reader *r)
{
    pthread_t thread;
    r->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(r->address.sun_path, sizeof r->address.sun_path, "/tmp/bench-markers-%d",
             (int)getpid());
    r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->fd < 0 || bind(r->fd, (const struct sockaddr *)&r->address, sizeof r->address) != 0 ||
        listen(r->fd, 4) != 0 || pthread_create(&thread, NULL, drain, &r->fd) != 0) {
        perror(r->address.sun_path);
        return false;
    }
    pthread_detach(thread);
    return true;
}

void bench_reader_stop(struct bench_reader *r)
{
    (void)unlink(r->address.sun_path);
}

bool bench_rounds(int argc, char **argv, const char *usage, int *rounds, int *windows, int *status)
{
    struct bench_number n[] = {{"ROUNDS", 1, BENCH_ROUNDS_MAX, 30},
                               {"WINDOWS", 1, 1000000000, 10000}};
    if (!bench_numbers(argc, argv, usage, n, 2, status))
        return false;
    *rounds = (int)n[0].value;
    *windows = (int)n[1].value;
    return true;
}

void bench_print_ways(const char *const names[BENCH_WAYS],
                      double cost_ns[BENCH_WAYS][BENCH_ROUNDS_MAX], int rounds, int windows)
{
    printf("%-16s  %8s  %8s  %8s  ns a window, %d rounds of %d\n", "", "median", "5 %", "95 %",
           rounds, windows);
    for (int way = 0; way < BENCH_WAYS; way++)
        printf("%-16s  %8.0f  %8.0f  %8.0f\n", names[way],
               wtl_quantile(cost_ns[way], (size_t)rounds, 0.5),
               wtl_quantile(cost_ns[way], (size_t)rounds, 0.05),
               wtl_quantile(cost_ns[way], (size_t)rounds, 0.95));
}
