/* SPDX-License-Identifier: Apache-2.0
 * Cards of the direct rendering manager. */
#include "device/drm.h"

#include "base/sort.h"

#include <stdio.h>
#include <string.h>

#define DRM "sys/class/drm"

/* "card0" and not "card0-HDMI-A-1". */
static bool is_card(const char *name)
{
    size_t digits = strspn(name + 4, "0123456789");
    return digits > 0 && digits < 8 && name[4 + digits] == '\0';
}

static int find_hwmon(const struct wtl_backend_host *host, struct wtl_drm_card *card,
                      struct wtl_error *err)
{
    char path[64];
    char **names = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/device/hwmon", card->path);
    int rc = wtl_sysfs_list(host->files, host->arena, path, "hwmon", &names, &n, err);
    if (rc == 0 && n > 0)
        snprintf(card->hwmon, sizeof card->hwmon, "%s/%.15s", path, names[0]);
    return rc;
}

/* 1: a card of one of the drivers. */
static int look_at(const struct wtl_backend_host *host, const char *name,
                   const char *const *drivers, struct wtl_drm_card *card, struct wtl_error *err)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    char file[64], uevent[WTL_SYSFS_PAGE];
    *card = (struct wtl_drm_card){{0}};
    snprintf(card->card, sizeof card->card, "%s", name);
    snprintf(card->path, sizeof card->path, DRM "/%s", card->card);
    snprintf(file, sizeof file, "%s/device/uevent", card->path);
    wtl_sysfs_text(&root, file, uevent, sizeof uevent);
    if (!wtl_sysfs_key(uevent, "DRIVER", card->driver, sizeof card->driver) ||
        !wtl_sysfs_key(uevent, "PCI_SLOT_NAME", card->pci, sizeof card->pci))
        return 0;
    if (card->pci[strspn(card->pci, "0123456789abcdefABCDEF:.")] != '\0')
        return 0;
    (void)wtl_sysfs_key(uevent, "PCI_ID", card->ids, sizeof card->ids);
    for (; *drivers; drivers++)
        if (strcmp(*drivers, card->driver) == 0) {
            int rc = find_hwmon(host, card, err);
            return rc < 0 ? rc : 1;
        }
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct wtl_drm_card *)a)->pci, ((const struct wtl_drm_card *)b)->pci);
}

int wtl_drm_cards(const struct wtl_backend_host *host, const char *const *drivers,
                  struct wtl_drm_card **cards_out, size_t *n_out, struct wtl_error *err)
{
    char **names = NULL;
    size_t n = 0, found = 0;
    int rc = wtl_sysfs_list(host->files, host->arena, DRM, "card", &names, &n, err);
    if (rc < 0)
        return rc;
    struct wtl_drm_card *cards = WTL_NEW_ARRAY(host->arena, struct wtl_drm_card, n + 1);
    if (!cards)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (!is_card(names[i]))
            continue;
        rc = look_at(host, names[i], drivers, &cards[found], err);
        if (rc < 0)
            return rc;
        found += rc == 1;
    }
    wtl_sort(cards, found, sizeof *cards, compare);
    *cards_out = cards;
    *n_out = found;
    return 0;
}

int wtl_drm_channel(const struct wtl_sysfs_dir *hwmon, const char *what, const char *label)
{
    for (int i = 1; i <= 16; i++) {
        char file[32], text[32];
        snprintf(file, sizeof file, "%.12s%d_label", what, i);
        if (wtl_sysfs_text(hwmon, file, text, sizeof text) == WTL_PRESENT &&
            strcmp(text, label) == 0)
            return i;
    }
    return 0;
}

bool wtl_drm_suspended(const struct wtl_sysfs_dir *card)
{
    char text[32];
    return wtl_sysfs_text(card, "device/power/runtime_status", text, sizeof text) == WTL_PRESENT &&
           strcmp(text, "suspended") == 0;
}

uint64_t wtl_drm_answered(const struct wtl_reading *r)
{
    uint64_t answered = 0;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (r->absence[m] != WTL_ABSENT_UNSUPPORTED)
            answered |= WTL_METRIC_BIT(m);
    return answered;
}

int wtl_drm_read_done(const struct wtl_sysfs_dir *card, uint64_t claimed, uint64_t *answered,
                      uint64_t wanted, const char *id, struct wtl_reading *out,
                      struct wtl_error *err)
{
    bool proven = (wanted & claimed & ~*answered) == 0;
    *answered |= wanted & claimed & wtl_drm_answered(out);
    bool here = proven || wtl_sysfs_exists(card, "device/uevent");
    return wtl_sysfs_read_done(out, wanted, here ? *answered : claimed, id, err);
}

void wtl_drm_all_not_yet(uint64_t wanted, uint64_t found, struct wtl_reading *out)
{
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (wanted & found & WTL_METRIC_BIT(m))
            out->absence[m] = WTL_ABSENT_NOT_YET;
}
