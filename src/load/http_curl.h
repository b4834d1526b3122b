/* SPDX-License-Identifier: Apache-2.0
 *
 * What the users of libcurl here share; included by them alone, in builds with libcurl.
 */
#ifndef WTL_LOAD_HTTP_CURL_H
#define WTL_LOAD_HTTP_CURL_H

#include "codec/curl.h"
#include "load/http.h"

/* Sets everything of the target on a handle but URL and headers. `why` (CURL_ERROR_SIZE bytes)
 * gets the text of errors. */
int wtl_curl_set_target(const struct wtl_curl *curl, CURL *easy,
                        const struct wtl_http_target *target, char *why, struct wtl_error *err);

/* Appends "NAME: VALUE" (NULL: "NAME:", which takes one of libcurl's own away); NULL, and the list
 * freed, when memory is out. */
struct curl_slist *wtl_curl_header(const struct wtl_curl *curl, struct curl_slist *list,
                                   const char *name, const char *value);

/* Those of every request to the target: the token. NULL when memory is out. */
struct curl_slist *wtl_curl_headers(const struct wtl_curl *curl,
                                    const struct wtl_http_target *target);

#endif
