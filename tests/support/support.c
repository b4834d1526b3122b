/* SPDX-License-Identifier: Apache-2.0
 * Helpers of the unit tests. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

void assert_near_(double got, double want, double tolerance, const char *what, const char *file,
                  int line)
{
    if (fabs(got - want) <= tolerance)
        return;
    print_error("%s is %.17g, expected %.17g within %g\n", what, got, want, tolerance);
    _fail(file, line);
}

void assert_ok_(int rc, const struct wtl_error *err, const char *what, const char *file, int line)
{
    if (rc == 0)
        return;
    char text[1024];
    wtl_error_format(err, text, sizeof text);
    print_error("%s returned %d: %s\n", what, rc, text);
    _fail(file, line);
}

void make_temporary_directory(char *buf, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(buf, size, "%s/wattle-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(buf));
}

void remove_tree(const char *path)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf -- '%s'", path);
    assert_int_equal(system(command), 0);
}

static char test_directory[512];

int make_test_directory(void **state)
{
    (void)state;
    make_temporary_directory(test_directory, sizeof test_directory);
    return 0;
}

int drop_test_directory(void **state)
{
    (void)state;
    remove_tree(test_directory);
    return 0;
}

const char *in_test_directory(const char *name)
{
    static char path[8][1024];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", test_directory, name);
    return p;
}

bool have_json_schemas(void)
{
    return system("python3 -c 'import jsonschema' 2>/dev/null") == 0;
}

bool follows_schema(const char *schema, const char *path)
{
    char command[5000];
    snprintf(command, sizeof command,
             "python3 -W ignore -c 'import json, jsonschema, sys; "
             "s = json.load(open(sys.argv[1])); "
             "jsonschema.Draft202012Validator.check_schema(s); "
             "jsonschema.Draft202012Validator(s).validate(json.load(open(sys.argv[2])))' "
             "'%s' '%s' >&2",
             source_path(schema), path);
    return system(command) == 0;
}

void write_file(const char *path, const void *data, size_t size)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash && slash != dir) {
        *slash = '\0';
        assert_int_equal(wtl_make_dirs(dir, NULL), 0);
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

const char *source_path(const char *relative)
{
    static char path[4096];
    const char *root = getenv("WATTLE_SOURCE");
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", relative);
    return path;
}

const char *shared_path(const char *relative)
{
    static char path[4096];
    const char *root = getenv("WATTLE_SOURCE");
    snprintf(path, sizeof path, "%s/../shared/%s", root ? root : ".", relative);
    return access(path, R_OK) == 0 ? path : NULL;
}
