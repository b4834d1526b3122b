/* SPDX-License-Identifier: Apache-2.0
 * libcurl, loaded when it is first needed. */
#include "codec/curl.h"

#ifdef WTL_HAVE_CURL

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

struct entry {
    const char *name;
    size_t offset; /* of its pointer in the table */
};

#define ENTRY(member)                                                                              \
    {                                                                                              \
        "curl_" #member, offsetof(struct wtl_curl, member)                                         \
    }
static const struct entry entries[] = {
    ENTRY(version_info),     ENTRY(easy_init),           ENTRY(easy_cleanup),
    ENTRY(easy_setopt),      ENTRY(easy_getinfo),        ENTRY(easy_perform),
    ENTRY(easy_strerror),    ENTRY(slist_append),        ENTRY(slist_free_all),
    ENTRY(multi_init),       ENTRY(multi_cleanup),       ENTRY(multi_setopt),
    ENTRY(multi_add_handle), ENTRY(multi_remove_handle), ENTRY(multi_socket_action),
    ENTRY(multi_info_read),  ENTRY(multi_strerror),
};
enum { N_ENTRIES = sizeof entries / sizeof entries[0] };
_Static_assert(N_ENTRIES * sizeof(void *) == sizeof(struct wtl_curl), "a function has no entry");

/* dlsym() gives an object's address where a function's is meant: POSIX wants the two alike. */
static bool find(void *library, const char *name, void *function, struct wtl_error *err)
{
    void *symbol = dlsym(library, name);
    if (symbol) {
        *(void **)function = symbol;
        return true;
    }
    (void)WTL_FAIL(err, WTL_UNSUPPORTED, "libcurl.so.4 has no %s", name);
    wtl_error_hint(err, "sudo apt-get install --reinstall libcurl4");
    return false;
}

static int fill(void *library, struct wtl_curl *out, struct wtl_error *err)
{
    for (size_t i = 0; i < N_ENTRIES; i++)
        if (!find(library, entries[i].name, (char *)out + entries[i].offset, err))
            return -WTL_UNSUPPORTED;
    return 0;
}

int wtl_curl_load(struct wtl_curl *out, struct wtl_error *err)
{
    struct wtl_curl c;
    CURLcode (*global_init)(long) = NULL;
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "cannot load libcurl: %s", dlerror());
        wtl_error_hint(err, "sudo apt-get install libcurl4");
        return rc;
    }
    if (!find(library, "curl_global_init", &global_init, err))
        return -WTL_UNSUPPORTED;
    int rc = fill(library, &c, err);
    if (rc == 0 && global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        rc = WTL_FAIL(err, WTL_FAILED, "libcurl could not be set up");
    if (rc == 0 && out)
        *out = c;
    return rc;
}

#else

int wtl_curl_load(struct wtl_curl *out, struct wtl_error *err)
{
    (void)out;
    int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "this build has no libcurl, and speaks no HTTP");
    wtl_error_hint(err, "install libcurl4-openssl-dev and build again (./dev build)");
    return rc;
}

#endif
