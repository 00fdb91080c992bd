/* The journals of all cores that have left some, as recovery reads them. */
#include "storage/recovery_parts.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

static bool core_is_listed_before(const struct journal_listing *journals, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (journals->files[i].core == journals->files[index].core)
            return true;
    return false;
}

struct clean_mark recovery_read_marks(const struct recovery *recovery)
{
    bool has_journal = recovery->journals.count > 0;
    struct clean_mark all = {has_journal, has_journal};
    for (uint32_t i = 0; i < recovery->journals.count && all.is_clean; i++) {
        if (core_is_listed_before(&recovery->journals, i))
            continue;
        struct clean_mark mark =
            epoch_file_read_clean(recovery->io, recovery->options->directory,
                                  recovery->journals.files[i].core, recovery->epoch);
        all.is_clean = mark.is_clean;
        all.is_swept = all.is_swept && mark.is_swept;
    }
    return all;
}

static enum status add_scan(struct recovery *recovery, uint32_t core)
{
    assert(recovery->scan_count < recovery->journals.count);
    struct journal_scan **scan = &recovery->scans[recovery->scan_count++];
    enum status status = journal_scan_create(&recovery->journal_site, core, scan);
    if (status != STATUS_OK)
        return status;
    struct journal_findings findings = journal_scan_findings(*scan);
    recovery->has_gap = recovery->has_gap || findings.has_gap;
    recovery->report->journal_was_damaged =
        recovery->report->journal_was_damaged || findings.is_damaged;
    return STATUS_OK;
}

enum status recovery_read_journals(struct recovery *recovery)
{
    const struct store_options *options = recovery->options;
    enum status status = STATUS_OK;
    recovery->journal_site = (struct journal_scan_site){
        .io = recovery->io,
        .logger = recovery->logger,
        .store_directory = options->directory,
        .listing = &recovery->journals,
        .epoch = recovery->epoch,
        .spare_bytes = options->memory_bytes_max / 2,
    };
    assert(recovery->scans == NULL);
    recovery->scans = calloc(recovery->journals.count + 1, sizeof(struct journal_scan *));
    if (recovery->scans == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++)
        if (!core_is_listed_before(&recovery->journals, i))
            status = add_scan(recovery, recovery->journals.files[i].core);
    return status;
}

enum status recovery_visit_journals(struct recovery *recovery, struct journal_visitor *visitor)
{
    enum status status = STATUS_OK;
    visitor->bytes = 0;
    for (uint32_t i = 0; i < recovery->scan_count && status == STATUS_OK; i++)
        status = journal_scan_visit(recovery->scans[i], visitor);
    return status;
}

enum status recovery_sync_journals(struct recovery *recovery)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++) {
        char path[PATH_SIZE];
        int32_t handle;
        uint64_t size_bytes;
        path_journal(recovery->options->directory, recovery->journals.files[i].core,
                     recovery->journals.files[i].file, path);
        status = await_open(recovery->io, path, IO_OPEN_READ_ONLY, &handle, &size_bytes);
        if (status != STATUS_OK)
            return status;
        status = await_sync(recovery->io, handle);
        enum status closed = await_close(recovery->io, handle);
        status = status == STATUS_OK ? closed : status;
    }
    return status;
}

void recovery_forget_journals(struct recovery *recovery)
{
    for (uint32_t i = 0; i < recovery->scan_count; i++)
        journal_scan_destroy(recovery->scans[i]);
    free(recovery->scans);
    recovery->scans = NULL;
    recovery->scan_count = 0;
}

enum status recovery_remove_strangers(struct recovery *recovery)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++) {
        if (recovery->journals.files[i].core < io_core_count(recovery->io) &&
            recovery->journals.files[i].file < recovery->options->journal_file_count)
            continue;
        char path[PATH_SIZE];
        path_journal(recovery->options->directory, recovery->journals.files[i].core,
                     recovery->journals.files[i].file, path);
        status = await_unlink(recovery->io, path);
    }
    return status;
}
