/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 through EVP. The digest is fetched once an object: fetching it costs more than hashing a
 * small file does. */
#include "codec/hash.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { DIGEST_BYTES = 32 };

struct wtl_hash {
    EVP_MD *md;
    EVP_MD_CTX *context;
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
    hash->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash->context = EVP_MD_CTX_new();
    if (!hash->md || !hash->context) {
        wtl_hash_free(hash);
        return refused(err);
    }
    *hash_out = hash;
    return 0;
}

void wtl_hash_free(struct wtl_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->context);
    EVP_MD_free(hash->md);
    free(hash);
}

int wtl_hash_start(struct wtl_hash *hash, struct wtl_error *err)
{
    return EVP_DigestInit_ex(hash->context, hash->md, NULL) == 1 ? 0 : refused(err);
}

int wtl_hash_add(struct wtl_hash *hash, const void *data, size_t n, struct wtl_error *err)
{
    return EVP_DigestUpdate(hash->context, data, n) == 1 ? 0 : refused(err);
}

int wtl_hash_end(struct wtl_hash *hash, char hex_out[WTL_SHA256_HEX], struct wtl_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(hash->context, digest, &n) != 1 || n != DIGEST_BYTES)
        return refused(err);
    for (unsigned i = 0; i < n; i++) {
        hex_out[2 * i] = digits[digest[i] >> 4];
        hex_out[2 * i + 1] = digits[digest[i] & 15];
    }
    hex_out[2 * DIGEST_BYTES] = '\0';
    return 0;
}

int wtl_sha256(const void *data, size_t n, char hex_out[WTL_SHA256_HEX], struct wtl_error *err)
{
    struct wtl_hash *hash = NULL;
    int rc = wtl_hash_new(&hash, err);
    if (!hash)
        return rc;
    rc = wtl_hash_start(hash, err);
    if (rc == 0)
        rc = wtl_hash_add(hash, data, n, err);
    if (rc == 0)
        rc = wtl_hash_end(hash, hex_out, err);
    wtl_hash_free(hash);
    return rc;
}
