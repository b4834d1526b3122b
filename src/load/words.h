/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up text: common English words in random order. With the tokenizers of today's language
 * models most of them are one token each behind a blank, so that n words are about n tokens; how
 * many they are to a server, its answer says.
 */
#ifndef WTL_LOAD_WORDS_H
#define WTL_LOAD_WORDS_H

#include "base/random.h"
#include "base/text.h"

enum { WTL_WORD_MAX = 8 }; /* letters of the longest */

/* Letters a-z alone: nothing of it needs escaping anywhere. */
const char *wtl_word(struct wtl_rng *rng);

/* Appends n words with one blank between them. */
void wtl_words(struct wtl_rng *rng, uint32_t n, struct wtl_buf *out);

#endif
