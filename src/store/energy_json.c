/* SPDX-License-Identifier: Apache-2.0
 * Class and method of energies as JSON. */
#include "store/energy_json.h"

json_t *wtl_energy_kind_to_json(enum wtl_energy_class class, enum wtl_energy_method method)
{
    const char letter[2] = {wtl_energy_class_letter(class), '\0'};
    return json_pack("{s:o, s:o}", "class", class ? json_string(letter) : json_null(), "method",
                     method ? json_string(wtl_energy_method_name(method)) : json_null());
}

int wtl_energy_kind_from_json(const struct wtl_json *o, enum wtl_energy_class *class_out,
                              enum wtl_energy_method *method_out, struct wtl_error *err)
{
    static const char *const keys[] = {"class", "method"};
    const char *letter = "", *name = "";
    int rc = wtl_json_only(o, keys, 2, err);
    rc = rc ? rc : wtl_json_string_opt(o, "class", &letter, err);
    rc = rc ? rc : wtl_json_string_opt(o, "method", &name, err);
    if (rc < 0)
        return rc;
    enum wtl_energy_class class = wtl_energy_class_by_letter(letter[0]);
    enum wtl_energy_method method = wtl_energy_method_by_name(name);
    if (letter[0] && (!class || letter[1]))
        return wtl_json_fail(o, err, "class: \"%.20s\" is none of A, B, C, D", letter);
    if (name[0] && !method)
        return wtl_json_fail(o, err, "method: \"%.40s\" is not known", name);
    *class_out = class;
    *method_out = method;
    return 0;
}
