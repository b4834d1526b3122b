/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "codec/hash.h"

/* FIPS 180-4 examples. */
static void known_values(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    char hex[WTL_SHA256_HEX];
    assert_ok(wtl_sha256("abc", 3, hex, &err), &err);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(wtl_sha256("", 0, hex, &err), &err);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void one_object_serves_many_messages_in_pieces(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_hash *hash = NULL;
    assert_ok(wtl_hash_new(&hash, &err), &err);
    for (int round = 0; round < 3; round++) {
        char hex[WTL_SHA256_HEX];
        assert_ok(wtl_hash_start(hash, &err), &err);
        assert_ok(wtl_hash_add(hash, "a", 1, &err), &err);
        assert_ok(wtl_hash_add(hash, "bc", 2, &err), &err);
        assert_ok(wtl_hash_end(hash, hex, &err), &err);
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    wtl_hash_free(hash);
    wtl_hash_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(one_object_serves_many_messages_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
