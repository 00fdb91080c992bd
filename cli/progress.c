#include "cli/progress.h"

#include "base/assert.h"

#include <stdio.h>
#include <time.h>

enum { SECOND_NS = 1000000000, SHOW_EVERY_NS = SECOND_NS / 5, LOOK_EVERY_RECORDS = 256 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

void progress_start(struct progress *progress, const struct tool *tool, const char *verb,
                    bool is_live)
{
    assert(tool != NULL);
    assert(verb != NULL);
    int64_t now = now_ns();
    *progress = (struct progress){.tool = tool, .verb = verb, .start_ns = now, .shown_ns = now};
    progress->is_live = is_live && tool->error_is_terminal && !tool->is_quiet;
}

static void print_line(const struct progress *progress, const char *what, const char *end)
{
    assert(what != NULL);
    assert(end != NULL);
    double seconds = (double)(now_ns() - progress->start_ns) / SECOND_NS;
    double rate = seconds > 0 ? (double)progress->record_count / seconds : 0;
    fprintf(stderr, "%s %llu record%s%s%s, %.1f MiB, in %.1f s (%.0f/s)%s", progress->verb,
            (unsigned long long)progress->record_count, progress->record_count == 1 ? "" : "s",
            what[0] != 0 ? " " : "", what, (double)progress->byte_count / (1 << 20), seconds, rate,
            end);
}

/* The clock is looked at only now and then: asking it for every record would cost more than the
 * record. */
void progress_add(struct progress *progress, uint64_t records, uint64_t bytes)
{
    bool is_look = (progress->record_count + records) / LOOK_EVERY_RECORDS !=
                   progress->record_count / LOOK_EVERY_RECORDS;
    progress->record_count += records;
    progress->byte_count += bytes;
    if (!progress->is_live || !is_look)
        return;
    int64_t now = now_ns();
    if (now - progress->shown_ns < SHOW_EVERY_NS)
        return;
    progress->shown_ns = now;
    progress->is_line = true;
    fputc('\r', stderr);
    print_line(progress, "", "\033[K");
}

void progress_finish(struct progress *progress, const char *what)
{
    assert(what != NULL);
    if (progress->tool->is_quiet)
        return;
    if (progress->is_line)
        fputs("\r\033[K", stderr);
    print_line(progress, what, "\n");
}
