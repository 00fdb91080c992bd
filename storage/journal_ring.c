/* The files of the ring: which one is written, which come next, and how they are made. */
#include "storage/journal.h"

#include "base/assert.h"
#include "storage/await.h"
#include "storage/zeros.h"

enum { READY_WANTED = 2 };

/* The size tells a file that has been written throughout, in this life or an earlier one, from one
 * that is only reserved: that one is a block longer. */
static uint64_t unzeroed_file_bytes(const struct journal *journal)
{
    return journal->file_bytes + COMMIT_ALIGNMENT;
}

/* --- Going round ------------------------------------------------------------------------------ */

/* The next file in that state after the current one; false when there is none. */
static bool find_file(const struct journal *journal, enum journal_file_state state, uint32_t *found)
{
    for (uint32_t i = 1; i < journal->file_count; i++) {
        *found = (journal->current + i) % journal->file_count;
        if (journal->files[*found].state == state)
            return true;
    }
    return false;
}

/* Asks for all full files at once. */
static void ask_for_checkpoint(struct journal *journal)
{
    uint64_t last_sequence = 0;
    for (uint32_t i = 0; i < journal->file_count; i++) {
        const struct journal_file *file = &journal->files[i];
        if (file->state == JOURNAL_FULL && file->last_sequence > last_sequence)
            last_sequence = file->last_sequence;
    }
    if (last_sequence > 0)
        journal->owner->wants_checkpoint(journal->owner, last_sequence);
}

/* A file that is not zeroed is left as soon as there is a better one: its commits cost metadata. */
bool journal_ring_has_room(const struct journal *journal, uint64_t size_bytes)
{
    const struct journal_file *file = &journal->files[journal->current];
    uint32_t next;
    if (journal->position + size_bytes > journal->file_bytes)
        return false;
    return file->is_zeroed || journal->position == 0 || !find_file(journal, JOURNAL_READY, &next);
}

bool journal_ring_advance(struct journal *journal, uint64_t size_bytes)
{
    assert(size_bytes <= journal->file_bytes);
    assert(journal->files[journal->current].state == JOURNAL_CURRENT);
    if (journal_ring_has_room(journal, size_bytes))
        return true;
    uint32_t next;
    bool is_ready = find_file(journal, JOURNAL_READY, &next);
    if (!is_ready) {
        journal->prepare.is_unwanted = false; /* somebody waits for it after all */
    } else {
        assert(journal->in_flight == NULL); /* or a full file's last commit could still fail */
        assert(journal->following == NULL);
        assert(journal->files[next].last_sequence <= journal->released_sequence);
        assert(journal->files[next].last_sequence < journal_landed_sequence(journal));
        journal->files[journal->current].state = JOURNAL_FULL;
        journal->files[next].state = JOURNAL_CURRENT;
        journal->current = next;
        journal->position = 0;
    }
    journal_ring_prepare(journal);
    ask_for_checkpoint(journal);
    return is_ready;
}

uint64_t journal_full_bytes(const struct journal *journal, bool *is_pressing)
{
    uint32_t full_count = 0;
    for (uint32_t i = 0; i < journal->file_count; i++)
        full_count += journal->files[i].state == JOURNAL_FULL;
    *is_pressing = 4 * full_count >= journal->file_count;
    return full_count * journal->file_bytes;
}

void journal_release_file(struct journal *journal, uint64_t last_sequence)
{
    assert(last_sequence >= journal->released_sequence); /* a file may be full with nothing new */
    assert(last_sequence <= journal_landed_sequence(journal));
    journal->released_sequence = last_sequence;
    for (uint32_t i = 0; i < journal->file_count; i++) {
        struct journal_file *file = &journal->files[i];
        if (file->state == JOURNAL_FULL && file->last_sequence <= last_sequence)
            file->state = file->is_zeroed ? JOURNAL_READY : JOURNAL_ABSENT;
    }
    journal_ring_prepare(journal);
    journal_submit(journal);
    ask_for_checkpoint(journal);
}

void journal_abandon_file(struct journal *journal)
{
    assert(!journal_has_waiting(journal));
    journal->prepare.is_unwanted = true;
}

void journal_retry(struct journal *journal)
{
    journal->is_short_of_space = false;
    journal_ring_prepare(journal);
    journal_submit(journal);
}

/* --- Making a file ----------------------------------------------------------------------------
 *
 *   OPEN ──▶ ALLOCATE ──▶ ZERO (again and again) ──▶ CUT ──▶ SYNC ──▶ NAME ──▶ END
 *     └────────── an error at any point ────────────────────────────────────────▲
 */
enum prepare_stage {
    PREPARE_OPEN,
    PREPARE_ALLOCATE,
    PREPARE_ZERO,
    PREPARE_CUT,
    PREPARE_SYNC,
    PREPARE_NAME,
    PREPARE_END
};

static const struct op_stage prepare_stages[] = {
    [PREPARE_OPEN] = {"open", 0},
    [PREPARE_ALLOCATE] = {"allocate", AFTER(PREPARE_OPEN)},
    [PREPARE_ZERO] = {"zero", AFTER(PREPARE_OPEN) | AFTER(PREPARE_ALLOCATE) | AFTER(PREPARE_ZERO)},
    [PREPARE_CUT] = {"cut", AFTER(PREPARE_ZERO)},
    [PREPARE_SYNC] = {"sync", AFTER(PREPARE_CUT)},
    [PREPARE_NAME] = {"name", AFTER(PREPARE_SYNC)},
    [PREPARE_END] = {"end", AFTER(PREPARE_OPEN) | AFTER(PREPARE_ALLOCATE) | AFTER(PREPARE_ZERO) |
                                AFTER(PREPARE_CUT) | AFTER(PREPARE_SYNC) | AFTER(PREPARE_NAME)},
};

static void prepare_landed(struct completion *completion, int32_t result)
{
    struct journal_prepare *prepare =
        container_of(completion, struct journal_prepare, request.completion);
    op_landed(&prepare->op, result);
}

static struct io_request *prepare_request(struct journal_prepare *prepare)
{
    completion_init(&prepare->request.completion, prepare_landed);
    op_expect(&prepare->op);
    return &prepare->request;
}

static struct journal *journal_of(struct journal_prepare *prepare)
{
    return container_of(prepare, struct journal, prepare);
}

static enum op_progress prepare_open(struct journal *journal, struct journal_prepare *prepare)
{
    if (journal->files[prepare->file_index].handle >= 0) {
        op_move(&prepare->op, PREPARE_ZERO);
        return OP_AGAIN;
    }
    path_journal(journal->store_directory, io_core_index(journal->io), prepare->file_index,
                 prepare->path);
    io_open(journal->io, prepare_request(prepare), prepare->path,
            IO_OPEN_CREATE | IO_OPEN_TRUNCATE | IO_OPEN_DIRECT);
    op_move(&prepare->op, PREPARE_ALLOCATE);
    return OP_WAIT;
}

static enum op_progress prepare_allocate(struct journal *journal, struct journal_prepare *prepare)
{
    struct journal_file *file = &journal->files[prepare->file_index];
    file->handle = prepare->request.completion.result;
    io_allocate(journal->io, prepare_request(prepare), file->handle, 0,
                unzeroed_file_bytes(journal));
    op_move(&prepare->op, PREPARE_ZERO);
    return OP_WAIT;
}

static enum op_progress prepare_zero(struct journal *journal, struct journal_prepare *prepare)
{
    if (prepare->is_unwanted) {
        op_move(&prepare->op, PREPARE_END);
        return OP_AGAIN;
    }
    if (prepare->position == journal->file_bytes) {
        op_move(&prepare->op, PREPARE_CUT);
        return OP_AGAIN;
    }
    uint64_t from = prepare->position;
    uint32_t count =
        zeros_gather(prepare->zeros, &prepare->position, journal->file_bytes, prepare->pieces);
    io_write_pieces(journal->io, prepare_request(prepare),
                    journal->files[prepare->file_index].handle, prepare->pieces, count, from);
    op_move(&prepare->op, PREPARE_ZERO);
    return OP_WAIT;
}

static enum op_progress prepare_cut(struct journal *journal, struct journal_prepare *prepare)
{
    io_truncate(journal->io, prepare_request(prepare), journal->files[prepare->file_index].handle,
                journal->file_bytes);
    op_move(&prepare->op, PREPARE_SYNC);
    return OP_WAIT;
}

static enum op_progress prepare_sync(struct journal *journal, struct journal_prepare *prepare)
{
    io_sync(journal->io, prepare_request(prepare), journal->files[prepare->file_index].handle);
    op_move(&prepare->op, PREPARE_NAME);
    return OP_WAIT;
}

static enum op_progress prepare_name(struct journal *journal, struct journal_prepare *prepare)
{
    path_journals(journal->store_directory, prepare->path);
    io_sync_directory(journal->io, prepare_request(prepare), prepare->path);
    op_move(&prepare->op, PREPARE_END);
    return OP_WAIT;
}

static enum op_progress prepare_end(struct journal *journal, struct journal_prepare *prepare)
{
    struct journal_file *file = &journal->files[prepare->file_index];
    enum status status = (enum status)prepare->op.error;
    assert(prepare->is_running);
    assert(file->state == JOURNAL_ABSENT);
    chunk_release(prepare->zeros, journal->io);
    prepare->zeros = NULL;
    prepare->is_running = false;
    journal->is_short_of_space = status == STATUS_NO_SPACE || status == STATUS_NO_FILES;
    if (prepare->is_unwanted && status == STATUS_OK) {
        file->state = JOURNAL_ABSENT;
    } else if (status == STATUS_OK) {
        file->state = JOURNAL_READY;
        file->is_zeroed = true;
        journal_ring_prepare(journal);
        journal_submit(journal);
    } else if (!journal->is_short_of_space) {
        journal_fail(journal, status);
    }
    journal->owner->progressed(journal->owner);
    return OP_DONE;
}

static enum op_progress prepare_step(struct op *op)
{
    struct journal_prepare *prepare = container_of(op, struct journal_prepare, op);
    struct journal *journal = journal_of(prepare);
    if (op->error != 0 && op->stage != PREPARE_END)
        op_move(op, PREPARE_END);
    switch ((enum prepare_stage)op->stage) {
    case PREPARE_OPEN: return prepare_open(journal, prepare);
    case PREPARE_ALLOCATE: return prepare_allocate(journal, prepare);
    case PREPARE_ZERO: return prepare_zero(journal, prepare);
    case PREPARE_CUT: return prepare_cut(journal, prepare);
    case PREPARE_SYNC: return prepare_sync(journal, prepare);
    case PREPARE_NAME: return prepare_name(journal, prepare);
    case PREPARE_END: return prepare_end(journal, prepare);
    }
    unreachable();
}

static const struct op_kind prepare_kind = {"journal-prepare", prepare_step, prepare_stages};

static bool has_enough_ready(const struct journal *journal)
{
    uint32_t ready_count = 0;
    for (uint32_t i = 0; i < journal->file_count; i++)
        ready_count += journal->files[i].state == JOURNAL_READY;
    return ready_count >= READY_WANTED;
}

/* What it held has been checkpointed, but the commit for which it was left may still be on its way.
 * If the power is cut before that one lands, nothing says so, and half a file looks damaged. A file
 * that is zeroed needs no such care: only a later commit goes over what it holds. */
static bool may_be_made(const struct journal *journal, const struct journal_file *file)
{
    assert(file->state == JOURNAL_ABSENT);
    assert(file->last_sequence <= journal->released_sequence);
    return file->last_sequence == 0 || file->last_sequence < journal_landed_sequence(journal);
}

void journal_ring_prepare(struct journal *journal)
{
    if (journal->prepare.is_running || journal->prepare.is_unwanted ||
        journal->failure != STATUS_OK || has_enough_ready(journal))
        return;
    uint32_t index;
    if (!find_file(journal, JOURNAL_ABSENT, &index) ||
        !may_be_made(journal, &journal->files[index]))
        return;
    struct chunk *zeros = journal->owner->acquire_chunk(journal->owner, ZEROS_SIZE, ZEROS_SIZE);
    if (zeros == NULL)
        return;
    zeros_init(zeros);
    journal->prepare.zeros = zeros;
    journal->prepare.file_index = index;
    journal->prepare.position = 0;
    journal->prepare.is_running = true;
    op_start(&journal->prepare.op, &prepare_kind, io_ops(journal->io));
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* A file of the last run, if there is one that was written throughout. */
static enum status open_existing(struct journal *journal, uint32_t index)
{
    struct journal_file *file = &journal->files[index];
    char path[PATH_SIZE];
    path_journal(journal->store_directory, io_core_index(journal->io), index, path);
    uint64_t size_bytes = 0;
    enum status status = await_open(journal->io, path, IO_OPEN_DIRECT, &file->handle, &size_bytes);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (size_bytes == journal->file_bytes) {
        file->state = JOURNAL_READY;
        file->is_zeroed = true;
        return STATUS_OK;
    }
    status = await_close(journal->io, file->handle);
    file->handle = -1;
    return status;
}

/* The file and its name at once. */
static enum status sync_first(struct journal *journal, const struct journal_file *file)
{
    struct await_set set = {.io = journal->io};
    struct io_request synced, named;
    char path[PATH_SIZE];
    path_journals(journal->store_directory, path);
    io_sync(journal->io, await_add(&set, &synced), file->handle);
    io_sync_directory(journal->io, await_add(&set, &named), path);
    return await_all(&set, STATUS_OK);
}

/* The very first start: there is no time to write zeros throughout. The file is reserved only, and
 * left for a zeroed one as soon as that is ready. */
static enum status make_first(struct journal *journal)
{
    struct journal_file *file = &journal->files[0];
    char path[PATH_SIZE];
    path_journal(journal->store_directory, io_core_index(journal->io), 0, path);
    uint64_t size_bytes;
    enum status status =
        await_open(journal->io, path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE | IO_OPEN_DIRECT,
                   &file->handle, &size_bytes);
    if (status == STATUS_OK)
        status = await_allocate(journal->io, file->handle, unzeroed_file_bytes(journal));
    if (status == STATUS_OK)
        status = sync_first(journal, file);
    file->state = JOURNAL_READY;
    return status;
}

/* The first file that may be used at once; file 0 if there is none. */
static uint32_t first_ready(const struct journal *journal)
{
    for (uint32_t i = 0; i < journal->file_count; i++)
        if (journal->files[i].state == JOURNAL_READY)
            return i;
    return 0;
}

enum status journal_open(struct journal *journal, struct io *io, struct journal_owner *owner,
                         const struct journal_options *options)
{
    assert(options->file_count >= 2);
    assert(options->file_count <= JOURNAL_FILES_MAX);
    assert(options->file_bytes % COMMIT_ALIGNMENT == 0);
    *journal = (struct journal){
        .io = io,
        .owner = owner,
        .store_directory = options->store_directory,
        .epoch = options->epoch,
        .file_bytes = options->file_bytes,
        .file_count = options->file_count,
        .skips_sync = options->skips_sync,
        .metrics = options->metrics,
        .commit_size_max = COMMIT_SIZE_MAX,
        .next_sequence = 1,
    };
    if (options->file_bytes / 2 < COMMIT_SIZE_MAX)
        journal->commit_size_max = (uint32_t)(options->file_bytes / 2) & ~(COMMIT_ALIGNMENT - 1u);
    list_init(&journal->waiting);
    for (uint32_t i = 0; i < journal->file_count; i++)
        journal->files[i].handle = -1;

    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < journal->file_count && status == STATUS_OK; i++)
        status = open_existing(journal, i);
    journal->current = first_ready(journal);
    if (status == STATUS_OK && journal->files[journal->current].state == JOURNAL_ABSENT)
        status = make_first(journal);
    journal->files[journal->current].state = JOURNAL_CURRENT;
    return status;
}
