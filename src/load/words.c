/* SPDX-License-Identifier: Apache-2.0
 * 256 words. */
#include "load/words.h"

/* clang-format off */
static const char words[256][WTL_WORD_MAX + 1] = {
    "the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on", "are",
    "as", "with", "his", "they", "at", "be", "this", "have", "from", "or", "one", "had", "by",
    "word", "but", "not", "what", "all", "were", "we", "when", "your", "can", "said", "there",
    "use", "an", "each", "which", "she", "do", "how", "their", "if", "will", "up", "other", "about",
    "out", "many", "then", "them", "these", "so", "some", "her", "would", "make", "like", "him",
    "into", "time", "has", "look", "two", "more", "write", "go", "see", "number", "no", "way",
    "could", "people", "my", "than", "first", "water", "been", "call", "who", "oil", "its", "now",
    "find", "long", "down", "day", "did", "get", "come", "made", "may", "part", "over", "new",
    "sound", "take", "only", "little", "work", "know", "place", "year", "live", "me", "back",
    "give", "most", "very", "after", "thing", "our", "just", "name", "good", "man", "think", "say",
    "great", "where", "help", "through", "much", "before", "line", "right", "too", "mean", "old",
    "any", "same", "tell", "boy", "follow", "came", "want", "show", "also", "around", "form",
    "three", "small", "set", "put", "end", "does", "another", "well", "large", "must", "big",
    "even", "such", "because", "turn", "here", "why", "ask", "went", "men", "read", "need", "land",
    "home", "us", "move", "try", "kind", "hand", "picture", "again", "change", "off", "play",
    "spell", "air", "away", "animal", "house", "point", "page", "letter", "mother", "answer",
    "found", "study", "still", "learn", "should", "world", "high", "every", "near", "add", "food",
    "between", "own", "below", "country", "plant", "last", "school", "father", "keep", "tree",
    "never", "start", "city", "earth", "eye", "light", "thought", "head", "under", "story", "saw",
    "left", "few", "while", "along", "might", "close", "seem", "next", "hard", "open", "example",
    "begin", "life", "always", "those", "both", "paper", "together", "got", "group", "often", "run",
    "walk", "white", "sea", "began", "grow", "took", "river", "four", "carry", "state", "once",
    "book", "hear",
};
/* clang-format on */

const char *wtl_word(struct wtl_rng *rng)
{
    return words[wtl_rng_next(rng) >> 56];
}

void wtl_words(struct wtl_rng *rng, uint32_t n, struct wtl_buf *out)
{
    for (uint32_t i = 0; i < n && !out->failed; i++) {
        if (i > 0)
            wtl_buf_putc(out, ' ');
        wtl_buf_puts(out, wtl_word(rng));
    }
}
