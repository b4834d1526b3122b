/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/arguments.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

bool bench_is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

int bench_usage(const char *usage, bool asked)
{
    fprintf(asked ? stdout : stderr, "usage: %s\n", usage);
    return asked ? 0 : 2;
}

bool bench_number_read(struct bench_number *number, const char *text)
{
    int64_t value;
    if (wtl_parse_int(text, strlen(text), &value) && value >= number->least &&
        value <= number->most) {
        number->value = value;
        return true;
    }
    fprintf(stderr, "%s \"%s\" is no whole number from %lld to %lld\n", number->name, text,
            (long long)number->least, (long long)number->most);
    return false;
}

bool bench_numbers(int argc, char **argv, const char *usage, struct bench_number *numbers, int n,
                   int *status_out)
{
    for (int i = 1; i < argc; i++)
        if (bench_is_help(argv[i])) {
            *status_out = bench_usage(usage, true);
            return false;
        }
    bool good = argc - 1 <= n;
    if (!good)
        fprintf(stderr, "\"%s\" is one argument too many\n", argv[n + 1]);
    for (int i = 1; good && i < argc; i++)
        good = bench_number_read(&numbers[i - 1], argv[i]);
    if (!good)
        *status_out = bench_usage(usage, false);
    return good;
}
