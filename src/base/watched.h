/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds in which AddressSanitizer watches define WTL_WATCHED; in others its calls do nothing.
 * WTL_OTHER_MALLOC: that or another sanitizer has a malloc() of its own, which nothing may replace.
 */
#ifndef WTL_BASE_WATCHED_H
#define WTL_BASE_WATCHED_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WTL_WATCHED
#endif
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WTL_OTHER_MALLOC
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WTL_WATCHED
#define WTL_OTHER_MALLOC
#elif defined(__SANITIZE_THREAD__)
#define WTL_OTHER_MALLOC
#endif

#ifdef WTL_WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#endif
