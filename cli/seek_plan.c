/*   choose   which partitions: of topics, of all that the group has committed, or of a file
 *   resolve  where their logs start and end, and so the new offsets (seek_core.h)
 */
#include "cli/seek_plan.h"

#include "base/assert.h"
#include "cli/log_bounds.h"
#include "cli/seek_file.h"
#include "protocol/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 64 << 20 };

/* --- Choosing --------------------------------------------------------------------------------- */

static void rows_reserve(struct seek *seek, size_t count)
{
    struct seek_row *rows = arena_allocate_array(&seek->tool->arena, count + 1, sizeof *rows);
    assert(rows != NULL);
    for (uint32_t i = 0; i < seek->row_count; i++)
        rows[i] = seek->rows[i];
    seek->rows = rows;
}

static void add_row(struct seek *seek, struct bytes topic, int32_t partition, int64_t number)
{
    assert(seek->rows != NULL);
    seek->rows[seek->row_count++] =
        (struct seek_row){.at = {topic, partition}, .number = number, .committed = -1};
}

/* The partitions of a topic that was named without any. */
static bool add_whole_topic(struct seek *seek, struct bytes name)
{
    struct tool *tool = seek->tool;
    const struct metadata_response *metadata = topics_named(&seek->coordinators.any, &name, 1);
    if (metadata == NULL)
        return false;
    if (metadata->topics_count != 1 || metadata->topics[0].error_code != KAFKA_NONE) {
        tool_error(tool, "topic %s: %s; 'tailrace topic list' shows those that there are",
                   tool_text(tool, name),
                   kafka_error_text(metadata->topics_count == 1
                                        ? metadata->topics[0].error_code
                                        : KAFKA_UNKNOWN_TOPIC_OR_PARTITION));
        return false;
    }
    const struct metadata_response_topic *topic = &metadata->topics[0];
    rows_reserve(seek, (size_t)seek->row_count + topic->partitions_count);
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        add_row(seek, name, topic->partitions[i].partition_index, seek->number);
    return true;
}

static bool choose_topics(struct seek *seek)
{
    for (uint32_t i = 0; i < seek->choice_count; i++) {
        const struct topic_choice *choice = &seek->choices[i];
        if (choice->partition_count == 0) {
            if (!add_whole_topic(seek, choice->topic))
                return false;
            continue;
        }
        rows_reserve(seek, (size_t)seek->row_count + choice->partition_count);
        for (uint32_t p = 0; p < choice->partition_count; p++)
            add_row(seek, choice->topic, choice->partitions[p], seek->number);
    }
    return true;
}

/* A whole file in the tool's arena; null bytes after an error was said. */
static struct bytes read_file(struct tool *tool, const char *path)
{
    uint8_t *data = arena_allocate(&tool->arena, FILE_SIZE_MAX);
    assert(data != NULL);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        tool_error(tool, "cannot read %s: %s", path, strerror(errno));
        return (struct bytes){0};
    }
    size_t size = fread(data, 1, FILE_SIZE_MAX, file);
    bool is_whole = feof(file) != 0 && ferror(file) == 0;
    fclose(file);
    if (is_whole)
        return bytes_of(data, size);
    tool_error(tool, "cannot read %s, or it has more than %d bytes", path, (int)FILE_SIZE_MAX);
    return (struct bytes){0};
}

static bool choose_from_file(struct seek *seek)
{
    struct bytes rest = read_file(seek->tool, seek->file);
    if (bytes_are_null(rest))
        return false;
    size_t line_count = 1;
    for (size_t i = 0; i < rest.size; i++)
        line_count += rest.data[i] == '\n';
    rows_reserve(seek, line_count);
    struct seek_line line;
    enum seek_line_kind kind;
    for (uint32_t number = 1; (kind = seek_file_next(&rest, seek->group, &line)) != SEEK_LINES_END;
         number++) {
        if (kind == SEEK_LINE_BROKEN) {
            tool_error(seek->tool, "%s, line %u: not TOPIC,PARTITION,OFFSET", seek->file, number);
            return false;
        }
        if (kind == SEEK_LINE)
            add_row(seek, line.topic, line.partition, line.offset);
    }
    return true;
}

static void choose_committed(struct seek *seek, const struct committed_offset *offsets,
                             uint32_t count)
{
    rows_reserve(seek, count);
    for (uint32_t i = 0; i < count; i++)
        add_row(seek, offsets[i].topic, offsets[i].partition, seek->number);
}

int seek_rows_compare(const void *left, const void *right)
{
    return group_partition_compare(&((const struct seek_row *)left)->at,
                                   &((const struct seek_row *)right)->at);
}

/* Sorted, so that nothing below searches. A partition that was named twice would get one of two
 * offsets, nobody could say which. */
static bool settle_rows(struct seek *seek)
{
    struct tool *tool = seek->tool;
    if (seek->row_count == 0) {
        tool_error(tool, "group %s: %s", tool_text(tool, seek->group),
                   seek->file != NULL ? "the file names nothing of it"
                                      : "nothing is committed; name topics with --topic");
        return false;
    }
    qsort(seek->rows, seek->row_count, sizeof seek->rows[0], seek_rows_compare);
    for (uint32_t i = 1; i < seek->row_count; i++)
        if (seek_rows_compare(&seek->rows[i - 1], &seek->rows[i]) == 0) {
            tool_error(tool, "%s, partition %d is named twice",
                       tool_text(tool, seek->rows[i].at.topic), (int)seek->rows[i].at.partition);
            return false;
        }
    return true;
}

/* Rows and offsets are both sorted. */
static void take_committed(struct seek *seek, const struct committed_offset *offsets,
                           uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < seek->row_count; i++) {
        const struct group_partition *at = &seek->rows[i].at;
        for (; next < count; next++) {
            const struct group_partition other = {offsets[next].topic, offsets[next].partition};
            int order = group_partition_compare(&other, at);
            if (order == 0)
                seek->rows[i].committed = offsets[next].offset;
            if (order >= 0)
                break;
        }
    }
}

static bool choose(struct seek *seek)
{
    struct committed_offset *offsets;
    uint32_t count;
    if (!group_offsets_fetch(&seek->coordinators, seek->group, &offsets, &count))
        return false;
    if (seek->is_all_topics)
        choose_committed(seek, offsets, count);
    else if (!(seek->file != NULL ? choose_from_file(seek) : choose_topics(seek)))
        return false;
    if (!settle_rows(seek))
        return false;
    take_committed(seek, offsets, count);
    return true;
}

/* --- Resolving -------------------------------------------------------------------------------- */

static const char *problem_of(int16_t error_code)
{
    return error_code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION
               ? "there is none; 'tailrace topic describe' shows a topic's partitions"
               : kafka_error_text(error_code);
}

/* A partition that is not there is a mistake, and so is shifting from nowhere: better to commit
 * nothing than half of what was meant. */
static bool resolve_row(const struct seek *seek, struct seek_row *row,
                        const struct log_bounds *bounds)
{
    const struct seek_facts facts = {row->committed, bounds->start, bounds->end, bounds->by_time};
    const char *problem =
        "nothing is committed, so there is nothing to shift from; give it a place "
        "first, for instance with --to-earliest";
    if (bounds->error_code != KAFKA_NONE)
        problem = problem_of(bounds->error_code);
    else if (seek_resolve(seek->mode, row->number, &facts, &row->target))
        return true;
    tool_error(seek->tool, "%s, partition %d: %s", tool_text(seek->tool, row->at.topic),
               (int)row->at.partition, problem);
    return false;
}

static bool resolve(struct seek *seek)
{
    struct group_partitions partitions = {.count = seek->row_count};
    partitions.list = arena_allocate_array(&seek->tool->arena, (size_t)seek->row_count + 1,
                                           sizeof *partitions.list);
    assert(partitions.list != NULL);
    for (uint32_t i = 0; i < seek->row_count; i++)
        partitions.list[i] = seek->rows[i].at;
    const struct metadata_response *metadata;
    const int64_t *time_ms = seek->mode == SEEK_TIME ? &seek->number : NULL;
    const struct log_bounds *bounds =
        log_bounds_ask(&seek->coordinators.any, &partitions, time_ms, &metadata);
    for (uint32_t i = 0; bounds != NULL && i < seek->row_count; i++)
        if (!resolve_row(seek, &seek->rows[i], &bounds[i]))
            return false;
    return bounds != NULL;
}

bool seek_plan(struct seek *seek)
{
    assert(seek->row_count == 0);
    return choose(seek) && resolve(seek);
}
