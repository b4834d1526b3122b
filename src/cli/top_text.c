/* SPDX-License-Identifier: Apache-2.0
 * Figures of `wattle top` as text. */
#include "cli/top_view.h"

#include "base/units.h"

#include <math.h>
#include <string.h>

static const double gib = 1024.0 * 1024.0 * 1024.0;

static const char *absent(char buf[TOP_TEXT])
{
    memcpy(buf, "-", 2);
    return buf;
}

const char *top_watt(struct top_value v, char buf[TOP_TEXT])
{
    if (!v.has)
        return absent(buf);
    if (fabs(v.value) < 9999.95)
        snprintf(buf, TOP_TEXT, "%.1f W", v.value);
    else
        snprintf(buf, TOP_TEXT, "%.2f kW", v.value / 1e3);
    return buf;
}

const char *top_joule(struct top_value v, char buf[TOP_TEXT])
{
    if (!v.has)
        return absent(buf);
    return wtl_format_measured(v.value, WTL_UNIT_JOULE, buf, TOP_TEXT);
}

const char *top_percent(struct top_value v, char buf[TOP_TEXT])
{
    if (!v.has)
        return absent(buf);
    snprintf(buf, TOP_TEXT, "%.0f %%", 100 * v.value);
    return buf;
}

const char *top_mhz(struct top_value v, char buf[TOP_TEXT])
{
    if (!v.has)
        return absent(buf);
    snprintf(buf, TOP_TEXT, "%.0f MHz", v.value);
    return buf;
}

const char *top_celsius(struct top_value v, char buf[TOP_TEXT])
{
    if (!v.has)
        return absent(buf);
    snprintf(buf, TOP_TEXT, "%.0f \u00b0C", v.value);
    return buf;
}

const char *top_memory(struct top_value used, struct top_value total, char buf[TOP_TEXT])
{
    if (used.has && total.has)
        snprintf(buf, TOP_TEXT, "%.1f/%.1f GiB", used.value / gib, total.value / gib);
    else if (used.has)
        snprintf(buf, TOP_TEXT, "%.1f GiB", used.value / gib);
    else
        absent(buf);
    return buf;
}

struct top_value top_memory_total(const struct top_device *d)
{
    struct top_value total = top_metric(d, WTL_M_fb_total_b);
    struct top_value used = top_metric(d, WTL_M_fb_used_b);
    struct top_value free_b = top_metric(d, WTL_M_fb_free_b);
    if (!total.has && used.has && free_b.has)
        total = (struct top_value){true, used.value + free_b.value};
    return total;
}

const char *top_elapsed(int64_t ns, char buf[32])
{
    int64_t s = ns / WTL_NS_PER_S;
    if (s < 3600)
        snprintf(buf, 32, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else
        snprintf(buf, 32, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60),
                 (int)(s % 60));
    return buf;
}

const char *top_device_label(const struct top_model *m, int device, char buf[TOP_LABEL])
{
    const struct wtl_device_info *info = &m->device[device].info;
    const int board =
        info->parent >= 0 && (size_t)info->parent < m->n ? m->device[info->parent].info.index : -1;
    if (info->kind == WTL_DEVICE_GPU_SLICE && info->index >= 0 && board >= 0)
        snprintf(buf, TOP_LABEL, "%d/%d", board % 10000, info->index % 10000);
    else if (info->kind == WTL_DEVICE_GPU_SLICE && info->index >= 0)
        snprintf(buf, TOP_LABEL, "-/%d", info->index % 10000);
    else if (info->index >= 0)
        snprintf(buf, TOP_LABEL, "%d", info->index % 10000);
    else if (info->kind == WTL_DEVICE_GPU)
        snprintf(buf, TOP_LABEL, "%d", device % 10000);
    else
        snprintf(buf, TOP_LABEL, "%.15s", info->id);
    return buf;
}

const char *top_device_marks(const struct top_device *d, char buf[64])
{
    static const struct {
        unsigned flag;
        const char *word;
    } marks[] = {{WTL_DEVICE_VIRTUAL, "virtual"},
                 {WTL_DEVICE_REPLAY, "recorded"},
                 {WTL_DEVICE_FAULTY, "made to fail"},
                 {WTL_DEVICE_ESTIMATED, "estimate"},
                 {WTL_DEVICE_MIG, "MIG"},
                 {WTL_DEVICE_VGPU, "vGPU"},
                 {WTL_DEVICE_WSL, "WSL"}};
    size_t used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (d->info.flags & marks[i].flag)
            used +=
                (size_t)snprintf(buf + used, 64 - used, "%s%s", used ? ", " : "", marks[i].word);
    return buf;
}
