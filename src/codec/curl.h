/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl by name: it brings 24 libraries with it, which every command would load and only those
 * that speak HTTP need. Loaded where it is used, and never unloaded. Nothing is linked with it:
 * its functions are called through this table, and curl's header gives types and constants.
 *
 * Through the table nothing checks the type of an option's value, as curl's macros do: numbers are
 * long, or curl_off_t where the option's name says so.
 */
#ifndef WTL_CODEC_CURL_H
#define WTL_CODEC_CURL_H

#include "base/error.h"

#include "wattle_config.h"

#ifdef WTL_HAVE_CURL
#include <curl/curl.h>

struct wtl_curl {
    curl_version_info_data *(*version_info)(CURLversion);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    CURLcode (*easy_perform)(CURL *);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_cleanup)(CURLM *);
    CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
    CURLMcode (*multi_add_handle)(CURLM *, CURL *);
    CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
    CURLMcode (*multi_socket_action)(CURLM *, curl_socket_t, int, int *);
    CURLMsg *(*multi_info_read)(CURLM *, int *);
    const char *(*multi_strerror)(CURLMcode);
};
#else
struct wtl_curl;
#endif

/* Fills *out (NULL: loads it alone). -WTL_UNSUPPORTED with what to install: this build knows no
 * libcurl, or there is none here. Again costs microseconds. */
int wtl_curl_load(struct wtl_curl *out, struct wtl_error *err);

#endif
