/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 by libcrypto's functions for this one algorithm. EVP, which OpenSSL 3 would have instead,
 * makes some 2500 allocations before its first digest, and crashes where one of them fails. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "codec/hash.h"

#include <openssl/sha.h>
#include <stdlib.h>

struct wtl_hash {
    SHA256_CTX context;
};

static int refused(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_FAILED, "libcrypto cannot compute SHA-256");
}

int wtl_hash_new(struct wtl_hash **hash_out, struct wtl_error *err)
{
    struct wtl_hash *hash = calloc(1, sizeof *hash);
    if (!hash)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *hash_out = hash;
    return 0;
}

void wtl_hash_free(struct wtl_hash *hash)
{
    free(hash);
}

int wtl_hash_start(struct wtl_hash *hash, struct wtl_error *err)
{
    return SHA256_Init(&hash->context) == 1 ? 0 : refused(err);
}

int wtl_hash_add(struct wtl_hash *hash, const void *data, size_t n, struct wtl_error *err)
{
    return SHA256_Update(&hash->context, data, n) == 1 ? 0 : refused(err);
}

int wtl_hash_end(struct wtl_hash *hash, char hex_out[WTL_SHA256_HEX], struct wtl_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (SHA256_Final(digest, &hash->context) != 1)
        return refused(err);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex_out[2 * i] = digits[digest[i] >> 4];
        hex_out[2 * i + 1] = digits[digest[i] & 15];
    }
    hex_out[2 * SHA256_DIGEST_LENGTH] = '\0';
    return 0;
}

int wtl_sha256(const void *data, size_t n, char hex_out[WTL_SHA256_HEX], struct wtl_error *err)
{
    struct wtl_hash hash;
    int rc = wtl_hash_start(&hash, err);
    if (rc == 0)
        rc = wtl_hash_add(&hash, data, n, err);
    return rc ? rc : wtl_hash_end(&hash, hex_out, err);
}
