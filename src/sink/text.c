/* SPDX-License-Identifier: Apache-2.0
 * Samples into a text file. */
#include "sink/sink.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows of a put, as text: 512 rows of 128 streams of 37 columns are less. */
#define TEXT_MAX ((size_t)1 << 28)

struct text_sink {
    struct wtl_sink sink;
    struct wtl_alloc alloc;
    struct wtl_write write;
    char path[WTL_LIMIT_PATH];
    int fd;
    bool regular;
    bool torn;    /* a line was cut, and could not be taken back */
    int64_t good; /* bytes that are whole lines */
    struct wtl_buf text;
};

static int fail(const struct text_sink *s, struct wtl_error *err)
{
    if (errno == EPIPE)
        return WTL_FAIL(err, WTL_LOST, "nobody reads \"%s\" any longer", s->path);
    return WTL_FAIL(err, errno == EACCES || errno == EPERM ? WTL_PERMISSION : WTL_IO,
                    "cannot write \"%s\": %s", s->path, strerror(errno));
}

/* All of it, or nothing: a part is taken back. */
static int store(struct text_sink *s, struct wtl_error *err)
{
    if (s->text.failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t done = 0;
    while (done < s->text.len) {
        ssize_t k = write(s->fd, s->text.data + done, s->text.len - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break;
        done += (size_t)k;
    }
    if (done == s->text.len) {
        s->good += (int64_t)done;
        s->torn = false;
        return 0;
    }
    int rc = fail(s, err);
    bool back = s->regular && ftruncate(s->fd, (off_t)s->good) == 0 &&
                lseek(s->fd, (off_t)s->good, SEEK_SET) >= 0;
    if (!back && done > 0) {
        s->torn = true;
        s->good += (int64_t)done;
    }
    return rc;
}

static void begin_text(struct text_sink *s)
{
    wtl_buf_clear(&s->text);
    if (s->torn)
        wtl_buf_putc(&s->text, '\n');
}

static int put(struct wtl_sink *sink, const struct wtl_batch *const *batches, int n,
               const struct wtl_write_gap *gap, struct wtl_error *err)
{
    struct text_sink *s = (struct text_sink *)sink;
    begin_text(s);
    if (gap && gap->rows > 0)
        wtl_write_gap(&s->write, gap, &s->text);
    (void)wtl_write_rows(&s->write, batches, n, &s->text);
    return s->text.len ? store(s, err) : 0;
}

static int sync_file(struct wtl_sink *sink, struct wtl_error *err)
{
    struct text_sink *s = (struct text_sink *)sink;
    return s->regular && fdatasync(s->fd) != 0 ? fail(s, err) : 0;
}

static int document(struct wtl_sink *sink, const char *name, const char *json,
                    struct wtl_error *err)
{
    struct text_sink *s = (struct text_sink *)sink;
    if (s->write.writer != &wtl_writer_json_lines)
        return 0;
    begin_text(s);
    wtl_buf_printf(&s->text, "{\"%s\":", name);
    wtl_buf_puts(&s->text, json);
    wtl_buf_puts(&s->text, "}\n");
    return store(s, err);
}

static int64_t size_of(const struct wtl_sink *sink)
{
    return ((const struct text_sink *)sink)->good;
}

static int close_file(struct wtl_sink *sink, bool complete, struct wtl_error *err)
{
    struct text_sink *s = (struct text_sink *)sink;
    (void)complete;
    int rc = sync_file(sink, err);
    if (close(s->fd) != 0 && rc == 0)
        rc = fail(s, err);
    wtl_buf_fini(&s->text);
    s->alloc.resize(s->alloc.ctx, s, 0);
    return rc;
}

static void discard(struct wtl_sink *sink)
{
    struct text_sink *s = (struct text_sink *)sink;
    if (s->regular)
        (void)unlink(s->path); /* it was empty, or not there */
    (void)close_file(sink, false, NULL);
}

static const struct wtl_sink_class text_class = {put,     sync_file,  document,
                                                 size_of, close_file, discard};

/* Nothing that is there is lost: neither a recording of yesterday nor anything else. */
static int open_file(struct text_sink *s, const char *path, struct wtl_error *err)
{
    struct stat st;
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    s->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (s->fd < 0)
        return fail(s, err);
    if (fstat(s->fd, &st) != 0)
        return fail(s, err);
    s->regular = S_ISREG(st.st_mode);
    if (!s->regular || st.st_size == 0)
        return 0;
    int rc = WTL_FAIL(err, WTL_FAILED, "\"%s\" is there already", path);
    wtl_error_hint(err, "choose another name, or remove it; --rotate numbers its files");
    return rc;
}

int wtl_sink_text_open(struct wtl_alloc alloc, const char *path, const struct wtl_writer *writer,
                       const struct wtl_write_stream *streams, int n, int64_t utc_offset_s,
                       struct wtl_sink **out, struct wtl_error *err)
{
    struct text_sink *s = alloc.resize(alloc.ctx, NULL, sizeof *s);
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *s = (struct text_sink){
        .sink = {&text_class, WTL_NS_PER_S},
        .alloc = alloc,
        .fd = -1,
        .write = {.writer = writer, .streams = streams, .n = n, .utc_offset_s = utc_offset_s}};
    wtl_buf_init(&s->text, alloc, TEXT_MAX);
    int rc = open_file(s, path, err);
    if (rc == 0) {
        wtl_write_begin(&s->write, &s->text);
        rc = s->text.len ? store(s, err) : 0;
        if (rc < 0 && s->regular)
            (void)unlink(path); /* it was empty, or not there */
    }
    if (rc == 0) {
        *out = &s->sink;
        return 0;
    }
    if (s->fd >= 0)
        (void)close(s->fd);
    wtl_buf_fini(&s->text);
    alloc.resize(alloc.ctx, s, 0);
    return rc;
}

/* ---- Any sink -------------------------------------------------------------------------------- */

int wtl_sink_put(struct wtl_sink *sink, const struct wtl_batch *const *batches, int n,
                 const struct wtl_write_gap *gap, struct wtl_error *err)
{
    return sink->class->put(sink, batches, n, gap, err);
}

int wtl_sink_sync(struct wtl_sink *sink, struct wtl_error *err)
{
    return sink->class->sync(sink, err);
}

int wtl_sink_document(struct wtl_sink *sink, const char *name, const char *json,
                      struct wtl_error *err)
{
    return sink->class->document(sink, name, json, err);
}

int64_t wtl_sink_size(const struct wtl_sink *sink)
{
    return sink->class->size(sink);
}

void wtl_sink_discard(struct wtl_sink *sink)
{
    if (sink)
        sink->class->discard(sink);
}

int wtl_sink_close(struct wtl_sink *sink, bool complete, struct wtl_error *err)
{
    return sink ? sink->class->close(sink, complete, err) : 0;
}
