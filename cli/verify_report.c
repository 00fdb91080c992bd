/* What `log verify` shows of its findings, as a table or as JSON, and how far it has come
 * meanwhile. */
#include "base/assert.h"
#include "cli/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECOND_NS = 1000000000, SHOW_EVERY_NS = SECOND_NS / 5, FINDINGS_SHOWN_MAX = 10000 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

void verify_report_init(struct verify *verify, struct tool *tool)
{
    assert(tool != NULL);
    *verify = (struct verify){.tool = tool, .start_ns = now_ns(), .list = json_array()};
    table_init(&verify->table, &tool->arena, "TOPIC PARTITION OFFSETS FILE POSITION WHAT");
}

static void add_row(struct verify *verify, const struct finding *finding)
{
    struct table *table = &verify->table;
    char offsets[64] = "-";
    if (finding->from_offset >= 0)
        snprintf(offsets, sizeof offsets, "%" PRId64 "..%" PRId64, finding->from_offset,
                 finding->to_offset - 1);
    table_text(table, finding->topic != NULL ? finding->topic : "-");
    if (finding->topic != NULL)
        table_number(table, finding->partition);
    else
        table_text(table, "-");
    table_text(table, offsets);
    table_text(table, finding->file);
    table_number(table, (int64_t)finding->position);
    table_text(table, finding->what);
}

static json_t *json_of(const struct finding *finding)
{
    bool has_topic = finding->topic != NULL;
    bool has_offsets = finding->from_offset >= 0;
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:s}", "topic",
                     has_topic ? json_string(finding->topic) : json_null(), "partition",
                     has_topic ? json_integer(finding->partition) : json_null(), "first_offset",
                     has_offsets ? json_integer(finding->from_offset) : json_null(), "last_offset",
                     has_offsets ? json_integer(finding->to_offset - 1) : json_null(), "file",
                     finding->file, "position", (json_int_t)finding->position, "what",
                     finding->what);
}

/* Beyond some thousands nobody reads on: they are counted. */
void verify_found(struct verify *verify, const struct finding *finding)
{
    assert(finding->file != NULL);
    assert(finding->what != NULL);
    assert(finding->from_offset < 0 || finding->to_offset > finding->from_offset);
    verify->finding_count++;
    if (verify->finding_count > FINDINGS_SHOWN_MAX)
        return;
    if (verify->tool->format == FORMAT_JSON)
        json_array_append_new(verify->list, json_of(finding));
    else
        add_row(verify, finding);
}

void verify_file_damaged(struct verify *verify, const char *path, uint64_t position,
                         const char *what)
{
    size_t size = strlen(verify->store);
    bool is_below = strncmp(path, verify->store, size) == 0 && path[size] == '/';
    verify_found(verify, &(struct finding){.from_offset = -1,
                                           .file = is_below ? path + size + 1 : path,
                                           .position = position,
                                           .what = what});
}

void verify_progress(struct verify *verify, uint64_t bytes)
{
    verify->checked_bytes += bytes;
    if (!verify->tool->error_is_terminal || verify->tool->is_quiet)
        return;
    int64_t now = now_ns();
    if (now - verify->shown_ns < SHOW_EVERY_NS)
        return;
    verify->shown_ns = now;
    verify->has_progress = true;
    double seconds = (double)(now - verify->start_ns) / SECOND_NS;
    double share = verify->total_bytes == 0
                       ? 0
                       : 100.0 * (double)verify->checked_bytes / (double)verify->total_bytes;
    fprintf(stderr, "\rverified %.1f of %.1f MiB (%.0f%%), %.0f MB/s\033[K",
            (double)verify->checked_bytes / (1 << 20), (double)verify->total_bytes / (1 << 20),
            share, seconds > 0 ? (double)verify->checked_bytes / seconds / 1e6 : 0);
}

static void print_summary(const struct verify *verify)
{
    double seconds = (double)(now_ns() - verify->start_ns) / SECOND_NS;
    if (verify->tool->is_quiet)
        return;
    fprintf(stderr,
            "%sverified %" PRIu64 " log%s in %" PRIu64 " segment%s, %.1f MiB, in %.1f s: %" PRIu64
            " damaged range%s\n",
            verify->has_progress ? "\r\033[K" : "", verify->log_count,
            verify->log_count == 1 ? "" : "s", verify->segment_count,
            verify->segment_count == 1 ? "" : "s", (double)verify->checked_bytes / (1 << 20),
            seconds, verify->finding_count, verify->finding_count == 1 ? "" : "s");
    if (verify->torn_bytes > 0)
        fprintf(stderr,
                "%" PRIu64 " bytes were being written when the broker ended; nobody was told that "
                "they are there, and the next start cuts them off\n",
                verify->torn_bytes);
    if (verify->rest_bytes > 0)
        fprintf(stderr,
                "%" PRIu64 " bytes at the ends of segments are left from others that are deleted, "
                "and whose files were used again; the next start cuts them off\n",
                verify->rest_bytes);
}

enum exit_code verify_report_show(struct verify *verify)
{
    struct tool *tool = verify->tool;
    bool is_good = verify->finding_count == 0 && !verify->is_broken;
    bool is_shown = true;
    if (tool->format == FORMAT_JSON)
        tool_print_json(tool, json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "logs",
                                        (json_int_t)verify->log_count, "segments",
                                        (json_int_t)verify->segment_count, "bytes",
                                        (json_int_t)verify->checked_bytes, "torn_bytes",
                                        (json_int_t)verify->torn_bytes, "damaged_ranges",
                                        (json_int_t)verify->finding_count, "damage", verify->list));
    else if (verify->finding_count > 0)
        is_shown = table_print(&verify->table);
    json_decref(verify->list);
    print_summary(verify);
    if (!is_shown)
        return tool_error(tool, "out of memory");
    return is_good ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}
