/* SPDX-License-Identifier: Apache-2.0
 *
 * What every unit test includes: cmocka with its prerequisites, comparison by tolerance, temporary
 * directories, and access to test data.
 */
#ifndef WTL_TESTS_SUPPORT_H
#define WTL_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"

/* |got - want| <= tolerance, both figures in the message. */
void assert_near_(double got, double want, double tolerance, const char *what, const char *file,
                  int line);
#define assert_near(got, want, tolerance)                                                          \
    assert_near_((got), (want), (tolerance), #got, __FILE__, __LINE__)

/* Fails with the whole error text when rc is not 0. */
void assert_ok_(int rc, const struct wtl_error *err, const char *what, const char *file, int line);
#define assert_ok(rc, err) assert_ok_((rc), (err), #rc, __FILE__, __LINE__)

/* A fresh directory, removed by remove_tree(). */
void make_temporary_directory(char *buf, size_t size);
void remove_tree(const char *path);

/* One such directory as the fixture of a test or a group (set-up and tear-down of cmocka), and the
 * path of a name in it ("": the directory with a final '/'), in one of eight static buffers. */
int make_test_directory(void **state);
int drop_test_directory(void **state);
const char *in_test_directory(const char *name);

/* Whether python3-jsonschema is there; else: skip(). */
bool have_json_schemas(void);

/* Whether a JSON file follows a schema of the source tree, which must be one. */
bool follows_schema(const char *schema, const char *path);

/* Writes a file (makes its directories). */
void write_file(const char *path, const void *data, size_t size);
void write_text(const char *path, const char *text);

/* Path of a file of the source tree ("data/frequency/x"), in a static buffer. */
const char *source_path(const char *relative);

/* Path below ../shared, or NULL where it is not there: then call skip(). */
const char *shared_path(const char *relative);

#endif
