/* SPDX-License-Identifier: Apache-2.0
 * YAML documents: every node has a place and its pointers are good. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/yaml.h"

static void check_node(const struct wtl_yaml_node *node)
{
    fuzz_check(node->line > 0 && node->column > 0, "a node has a place");
    fuzz_check(strlen(node->text) == 0 || node->kind == WTL_YAML_SCALAR, "text is of scalars");
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == WTL_YAML_MAPPING)
            fuzz_check(node->keys[i]->kind == WTL_YAML_SCALAR, "keys are words");
        check_node(node->items[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    const struct wtl_yaml_node *root = NULL;
    struct wtl_error err = {0};
    int rc = wtl_yaml_parse(&arena, (const char *)data, size, "fuzz", &root, &err);
    fuzz_check((rc == 0) == (root != NULL), "a tree comes exactly with success");
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    if (rc == 0)
        check_node(root);
    return 0;
}
