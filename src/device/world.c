/* SPDX-License-Identifier: Apache-2.0
 * Where this process runs: container, virtual machine, rights. */
#include "device/world.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Pods find there what account they have; a cgroup namespace hides the rest. */
#define KUBERNETES "var/run/secrets/kubernetes.io/serviceaccount/namespace"

/* capability.h: CAP_SYS_ADMIN */
enum { SYS_ADMIN_BIT = 21 };

static const char *container_of(const struct wtl_sysfs_dir *root)
{
    static const char *const known[] = {"docker", "podman", "lxc", "systemd-nspawn", "kubernetes"};
    char text[WTL_SYSFS_PAGE];
    wtl_sysfs_text(root, "proc/self/cgroup", text, sizeof text);
    if (strstr(text, "kubepods") || wtl_sysfs_exists(root, KUBERNETES))
        return "kubernetes";
    if (wtl_sysfs_exists(root, ".dockerenv"))
        return "docker";
    if (wtl_sysfs_exists(root, "run/.containerenv"))
        return "podman";
    if (strstr(text, "/docker/") || strstr(text, "/docker-"))
        return "docker";
    if (strstr(text, "/lxc/") || strstr(text, "/lxc.payload"))
        return "lxc";
    /* systemd(1) writes there what container manager told it. */
    if (wtl_sysfs_text(root, "run/systemd/container", text, sizeof text) != WTL_PRESENT)
        return NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i]) == 0)
            return known[i];
    return text[0] ? "container" : NULL;
}

static const char *hypervisor_of(const struct wtl_sysfs_dir *root)
{
    static const char *const vendors[][2] = {
        {"QEMU", "QEMU"},
        {"VMware, Inc.", "VMware"},
        {"innotek GmbH", "VirtualBox"},
        {"Xen", "Xen"},
        {"Amazon EC2", "Amazon EC2"},
        {"Google", "Google Cloud"},
        {"Alibaba Cloud", "Alibaba Cloud"},
        {"OpenStack Foundation", "OpenStack"},
    };
    char text[128];
    if (wtl_sysfs_text(root, "sys/hypervisor/type", text, sizeof text) == WTL_PRESENT)
        return strcmp(text, "xen") == 0 ? "Xen" : "a hypervisor";
    wtl_sysfs_text(root, "sys/class/dmi/id/sys_vendor", text, sizeof text);
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (strcmp(text, vendors[i][0]) == 0)
            return vendors[i][1];
    return NULL;
}

/* The first word behind "KEY:" in a text of such lines. */
static bool status_word(const char *text, const char *key, char word[32])
{
    const char *at = strstr(text, key);
    if (!at || (at != text && at[-1] != '\n'))
        return false;
    at += strlen(key);
    at += strspn(at, " \t");
    return wtl_view_copy((struct wtl_view){at, strcspn(at, " \t\n")}, word, 32) && word[0];
}

static void look_at_rights(const struct wtl_sysfs_dir *root, struct wtl_world *w)
{
    char text[WTL_SYSFS_PAGE], word[32];
    wtl_sysfs_text(root, "proc/self/status", text, sizeof text);
    if (status_word(text, "Uid:", word))
        w->has_uid = wtl_parse_double(word, strlen(word), &w->uid);
    if (status_word(text, "CapEff:", word) && strspn(word, "0123456789abcdef") == strlen(word)) {
        w->has_capabilities = true;
        w->sys_admin = strtoull(word, NULL, 16) >> SYS_ADMIN_BIT & 1;
    }
    /* The whole range of numbers, mapped to itself, is no namespace. */
    if (wtl_sysfs_text(root, "proc/self/uid_map", text, sizeof text) != WTL_PRESENT)
        return;
    unsigned long inside, outside, n;
    char *end;
    inside = strtoul(text, &end, 10);
    outside = strtoul(end, &end, 10);
    n = strtoul(end, &end, 10);
    w->user_namespace = inside != 0 || outside != 0 || n != 4294967295UL;
}

void wtl_world_look(struct wtl_sysfs *files, struct wtl_world *out)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    *out = (struct wtl_world){0};
    wtl_sysfs_text(&root, "proc/sys/kernel/osrelease", out->kernel, sizeof out->kernel);
    out->wsl = strstr(out->kernel, "microsoft") || strstr(out->kernel, "Microsoft");
    out->container = container_of(&root);
    out->hypervisor = hypervisor_of(&root);
    look_at_rights(&root, out);
}
