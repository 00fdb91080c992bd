/* The last steps of recovery: the base of the next run's catalog, and its number.
 *
 * Each lies in a file that takes the place of the former one. Three times somebody waits for the
 * disk, whatever has to be durable at that point together:
 *
 *   1  both contents, and the names that the last run may not have made durable
 *   2  the base's name: from then on, nothing of the past is needed any more
 *   3  the number's, and the removal of what the last run recorded */
#include "storage/recovery_parts.h"

#include "base/assert.h"
#include "storage/await.h"

struct next_run {
    struct await_draft base;
    struct await_draft number;
};

static enum status draft_next_run(struct recovery *recovery, struct next_run *next)
{
    const char *directory = recovery->options->directory;
    uint64_t epoch = recovery->epoch + 1;
    assert(recovery->scans == NULL); /* Nothing of the journals is needed any more. */
    enum status status =
        catalog_draft_base(recovery->io, directory, epoch, recovery->catalog.states, &next->base);
    if (status != STATUS_OK)
        return status;
    status = epoch_file_draft(recovery->io, directory, epoch, &next->number);
    return status == STATUS_OK ? STATUS_OK : await_draft_end(recovery->io, &next->base, status);
}

/* What was read stays: whoever wrote the number of the last run may have been killed before its
 * name was on disk, and nothing may be built on a number that a power cut takes back. In a new
 * directory it is the names of the directories that come before everything. */
static enum status sync_drafts(struct recovery *recovery, struct next_run *next)
{
    struct await_set set = {.io = recovery->io};
    struct io_request names;
    char journals[PATH_SIZE];
    path_journals(recovery->options->directory, journals);
    io_sync(recovery->io, await_add(&set, &next->base.request), next->base.handle);
    io_sync(recovery->io, await_add(&set, &next->number.request), next->number.handle);
    io_sync_directory(recovery->io, await_add(&set, &names),
                      recovery->epoch == EPOCH_FIRST ? recovery->options->directory : journals);
    return await_all(&set, STATUS_OK);
}

static enum status name_base(struct recovery *recovery, struct next_run *next, enum status status)
{
    char catalogs[PATH_SIZE];
    path_catalogs(recovery->options->directory, catalogs);
    status = await_draft_end(recovery->io, &next->base, status);
    return status == STATUS_OK ? await_sync_directory(recovery->io, catalogs) : status;
}

/* The records of the last run go only now: a directory's changes may reach the disk in any order,
 * and with them gone and the base not yet there, nothing would be known of the logs. */
static enum status name_number(struct recovery *recovery, struct next_run *next, enum status status)
{
    const char *directory = recovery->options->directory;
    char journals[PATH_SIZE], catalogs[PATH_SIZE];
    path_journals(directory, journals);
    path_catalogs(directory, catalogs);
    status = await_draft_end(recovery->io, &next->number, status);
    if (status == STATUS_OK)
        status = catalog_remove_records(recovery->io, directory);
    if (status != STATUS_OK)
        return status;
    struct await_set set = {.io = recovery->io};
    struct io_request named, removed;
    io_sync_directory(recovery->io, await_add(&set, &named), journals);
    io_sync_directory(recovery->io, await_add(&set, &removed), catalogs);
    return await_all(&set, STATUS_OK);
}

enum status recovery_begin_next_run(struct recovery *recovery)
{
    struct next_run next;
    enum status status = draft_next_run(recovery, &next);
    if (status != STATUS_OK)
        return status;
    status = sync_drafts(recovery, &next);
    status = name_base(recovery, &next, status);
    status = name_number(recovery, &next, status);
    return status == STATUS_OK ? recovery_remove_strangers(recovery) : status;
}
