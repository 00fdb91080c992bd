/* Structs are copied to and from bytes as they are: the formats are little-endian and so are the
 * machines that are served. Every checksum is verified before any field is believed, and sizes are
 * compared with what is there before they are added to anything. */
#include "cluster/metadata_format.h"

#include "base/assert.h"
#include "base/crc32c.h"

/* The letters as they stand in the file, first one lowest. */
#define STATE_MAGIC    UINT64_C(0x45544154534d5254) /* "TRMSTATE" */
#define LOG_MAGIC      UINT64_C(0x5f474f4c5f4d5254) /* "TRM_LOG_" */
#define SNAPSHOT_MAGIC UINT64_C(0x50414e535f4d5254) /* "TRM_SNAP" */
#define BATCH_MAGIC    UINT32_C(0x424d5254)         /* "TRMB" */

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structs are copied as they are");

/* Every block begins so; the checksum covers everything behind itself that belongs to it. */
struct block_head {
    uint64_t magic;
    uint32_t crc;
    uint32_t version;
};

static_assert(offsetof(struct block_head, crc) == 8, "format of a block");
static_assert(offsetof(struct block_head, version) == 12, "format of a block");

struct state_block {
    struct block_head head;
    uint64_t term;
    uint64_t vote;
    uint64_t stored_index;
    uint64_t server_id;
    uint64_t zero[2];
};
static_assert(offsetof(struct state_block, term) == 16, "format of state");
static_assert(offsetof(struct state_block, server_id) == 40, "format of state");
static_assert(sizeof(struct state_block) == METADATA_STATE_SIZE, "format of state");

struct log_block {
    struct block_head head;
    uint64_t file_id;
    uint64_t first_index;
};
static_assert(sizeof(struct log_block) == 32, "format of a log's header");

struct batch_head {
    uint32_t magic;
    uint32_t crc; /* of everything behind it, to the end of the entries */
    uint64_t file_id;
    uint64_t first_index;
    uint32_t entry_count;
    uint32_t entries_size; /* bytes that follow this head */
};
static_assert(offsetof(struct batch_head, crc) == 4, "format of a batch");
static_assert(offsetof(struct batch_head, file_id) == 8, "format of a batch");
static_assert(offsetof(struct batch_head, entries_size) == 28, "format of a batch");
static_assert(sizeof(struct batch_head) == 32, "format of a batch");

struct entry_head {
    uint64_t term;
    uint32_t size; /* of the data that follow */
    uint32_t kind;
};
static_assert(sizeof(struct entry_head) == 16, "format of an entry");

struct snapshot_head {
    struct block_head head;
    uint64_t index;
    uint64_t term;
    uint64_t configuration_index;
    uint64_t configuration_size;
    uint64_t records_size;
};
static_assert(offsetof(struct snapshot_head, index) == 16, "format of a snapshot");
static_assert(offsetof(struct snapshot_head, records_size) == 48, "format of a snapshot");
static_assert(sizeof(struct snapshot_head) == 56, "format of a snapshot");

enum { HEAD_CRC_FROM = offsetof(struct block_head, version) };

static uint32_t head_crc(const uint8_t *bytes, size_t size)
{
    assert(size > HEAD_CRC_FROM);
    return crc32c(0, bytes + HEAD_CRC_FROM, size - HEAD_CRC_FROM);
}

/* Last, when everything that it covers is in place. */
static void seal(uint8_t *bytes, size_t size)
{
    assert(size > sizeof(struct block_head));
    uint32_t crc = head_crc(bytes, size);
    memcpy(bytes + offsetof(struct block_head, crc), &crc, sizeof crc);
}

/* The checksum comes first, also for a version that is too new: a broken number of the version
 * would otherwise send somebody looking for a newer release. */
static enum status check(struct bytes bytes, uint64_t magic)
{
    struct block_head head;
    if (bytes.size < sizeof head)
        return STATUS_CORRUPT;
    memcpy(&head, bytes.data, sizeof head);
    if (head.magic != magic || head.crc != head_crc(bytes.data, bytes.size))
        return STATUS_CORRUPT;
    return head.version > METADATA_FORMAT_VERSION ? STATUS_UNSUPPORTED : STATUS_OK;
}

/* --- state ------------------------------------------------------------------------------------ */

void metadata_state_encode(const struct metadata_state *state,
                           uint8_t bytes[static METADATA_STATE_SIZE])
{
    assert(state->term > 0);
    assert(state->server_id > 0);
    struct state_block block = {.head = {.magic = STATE_MAGIC, .version = METADATA_FORMAT_VERSION},
                                .term = state->term,
                                .vote = state->vote,
                                .stored_index = state->stored_index,
                                .server_id = state->server_id};
    memcpy(bytes, &block, sizeof block);
    seal(bytes, sizeof block);
}

enum status metadata_state_decode(struct bytes bytes, struct metadata_state *state)
{
    assert(state != NULL);
    struct state_block block;
    if (bytes.size != sizeof block)
        return STATUS_CORRUPT;
    enum status status = check(bytes, STATE_MAGIC);
    memcpy(&block, bytes.data, sizeof block);
    *state = (struct metadata_state){block.term, block.vote, block.stored_index, block.server_id};
    if (status == STATUS_OK && (block.term == 0 || block.server_id == 0))
        return STATUS_CORRUPT;
    return status;
}

/* --- log -------------------------------------------------------------------------------------- */

void metadata_log_header_encode(const struct metadata_log_header *header,
                                uint8_t block[static METADATA_BLOCK_SIZE])
{
    assert(header->first_index > 0);
    struct log_block head = {.head = {.magic = LOG_MAGIC, .version = METADATA_FORMAT_VERSION},
                             .file_id = header->file_id,
                             .first_index = header->first_index};
    memset(block, 0, METADATA_BLOCK_SIZE);
    memcpy(block, &head, sizeof head);
    seal(block, METADATA_BLOCK_SIZE);
}

enum status metadata_log_header_decode(struct bytes block, struct metadata_log_header *header)
{
    assert(header != NULL);
    struct log_block head;
    if (block.size != METADATA_BLOCK_SIZE)
        return STATUS_CORRUPT;
    memcpy(&head, block.data, sizeof head);
    *header = (struct metadata_log_header){head.file_id, head.first_index};
    enum status status = check(block, LOG_MAGIC);
    return status == STATUS_OK && head.first_index == 0 ? STATUS_CORRUPT : status;
}

static size_t round_to_blocks(size_t size)
{
    assert(size <= SIZE_MAX - METADATA_BLOCK_SIZE);
    return (size + METADATA_BLOCK_SIZE - 1) / METADATA_BLOCK_SIZE * METADATA_BLOCK_SIZE;
}

static size_t entries_size(const struct metadata_entry *entries, uint32_t entry_count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < entry_count; i++)
        size += sizeof(struct entry_head) + entries[i].data.size;
    return size;
}

size_t metadata_batch_size(const struct metadata_entry *entries, uint32_t entry_count)
{
    assert(entry_count > 0);
    assert(entries != NULL);
    return round_to_blocks(sizeof(struct batch_head) + entries_size(entries, entry_count));
}

static uint32_t batch_crc(const uint8_t *bytes, uint32_t size)
{
    size_t from = offsetof(struct batch_head, file_id);
    return crc32c(0, bytes + from, sizeof(struct batch_head) - from + size);
}

/* The rest of the last block is zeroed: what lay in memory there is nobody's business on disk. */
void metadata_batch_encode(uint64_t file_id, uint64_t first_index,
                           const struct metadata_entry *entries, uint32_t entry_count,
                           uint8_t *bytes)
{
    assert(entry_count > 0);
    assert(first_index > 0);
    struct batch_head head = {.magic = BATCH_MAGIC,
                              .file_id = file_id,
                              .first_index = first_index,
                              .entry_count = entry_count,
                              .entries_size = (uint32_t)entries_size(entries, entry_count)};
    uint8_t *at = bytes + sizeof head;
    for (uint32_t i = 0; i < entry_count; i++) {
        struct entry_head entry = {entries[i].term, (uint32_t)entries[i].data.size,
                                   entries[i].kind};
        assert(entries[i].term > 0);
        assert(entries[i].data.size <= METADATA_ENTRY_BYTES_MAX);
        memcpy(at, &entry, sizeof entry);
        at += sizeof entry;
        if (entries[i].data.size > 0)
            memcpy(at, entries[i].data.data, entries[i].data.size);
        at += entries[i].data.size;
    }
    memcpy(bytes, &head, sizeof head);
    head.crc = batch_crc(bytes, head.entries_size);
    memcpy(bytes, &head, sizeof head);
    memset(at, 0, metadata_batch_size(entries, entry_count) - (size_t)(at - bytes));
}

/* Every entry lies inside the batch, of a known kind, and they fill it exactly. */
static bool entries_are_sound(const struct metadata_batch *batch)
{
    size_t position = 0;
    uint64_t term = 1;
    for (uint32_t i = 0; i < batch->entry_count; i++) {
        struct entry_head entry;
        if (batch->entries.size - position < sizeof entry)
            return false;
        memcpy(&entry, batch->entries.data + position, sizeof entry);
        position += sizeof entry;
        bool is_known = entry.kind >= METADATA_ENTRY_COMMAND && entry.kind <= METADATA_ENTRY_CHANGE;
        if (!is_known || entry.term < term || batch->entries.size - position < entry.size)
            return false;
        term = entry.term;
        position += entry.size;
    }
    return position == batch->entries.size;
}

enum status metadata_batch_decode(struct bytes bytes, struct metadata_batch *batch)
{
    assert(batch != NULL);
    struct batch_head head;
    if (bytes.size == 0)
        return STATUS_NOT_FOUND;
    if (bytes.size < sizeof head)
        return STATUS_CORRUPT;
    memcpy(&head, bytes.data, sizeof head);
    if (head.magic != BATCH_MAGIC || head.entries_size > bytes.size - sizeof head ||
        head.crc != batch_crc(bytes.data, head.entries_size))
        return STATUS_CORRUPT;
    *batch = (struct metadata_batch){
        .file_id = head.file_id,
        .first_index = head.first_index,
        .entry_count = head.entry_count,
        .size_bytes = (uint32_t)round_to_blocks(sizeof head + head.entries_size),
        .entries = bytes_of(bytes.data + sizeof head, head.entries_size),
    };
    bool is_sound = head.entry_count > 0 && head.first_index > 0 &&
                    batch->size_bytes <= bytes.size && entries_are_sound(batch);
    return is_sound ? STATUS_OK : STATUS_CORRUPT;
}

uint64_t metadata_batch_claimed_size(struct bytes bytes)
{
    struct batch_head head;
    if (bytes.size < sizeof head)
        return 0;
    memcpy(&head, bytes.data, sizeof head);
    return head.magic == BATCH_MAGIC ? round_to_blocks(sizeof head + head.entries_size) : 0;
}

bool metadata_batch_entry(const struct metadata_batch *batch, size_t *position,
                          struct metadata_entry *entry)
{
    assert(batch->entry_count > 0);
    struct entry_head head;
    assert(*position <= batch->entries.size);
    if (*position == batch->entries.size)
        return false;
    memcpy(&head, batch->entries.data + *position, sizeof head);
    *entry = (struct metadata_entry){
        .term = head.term,
        .kind = (enum metadata_entry_kind)head.kind,
        .data = bytes_of(batch->entries.data + *position + sizeof head, head.size)};
    *position += sizeof head + head.size;
    return true;
}

/* --- snapshot --------------------------------------------------------------------------------- */

size_t metadata_snapshot_size(const struct metadata_snapshot *snapshot)
{
    return sizeof(struct snapshot_head) + snapshot->configuration.size + snapshot->records.size;
}

void metadata_snapshot_encode(const struct metadata_snapshot *snapshot, uint8_t *bytes)
{
    assert(snapshot->term > 0);
    assert(snapshot->configuration_index > 0);
    assert(snapshot->configuration_index <= snapshot->index);
    assert(snapshot->index > 0);
    assert(snapshot->configuration.size > 0);
    struct snapshot_head head = {
        .head = {.magic = SNAPSHOT_MAGIC, .version = METADATA_FORMAT_VERSION},
        .index = snapshot->index,
        .term = snapshot->term,
        .configuration_index = snapshot->configuration_index,
        .configuration_size = snapshot->configuration.size,
        .records_size = snapshot->records.size};
    uint8_t *at = bytes + sizeof head;
    memcpy(bytes, &head, sizeof head);
    memcpy(at, snapshot->configuration.data, snapshot->configuration.size);
    if (snapshot->records.size > 0)
        memcpy(at + snapshot->configuration.size, snapshot->records.data, snapshot->records.size);
    seal(bytes, metadata_snapshot_size(snapshot));
}

/* The two sizes must add up to the file: a file that is longer is not the one that was written. */
enum status metadata_snapshot_decode(struct bytes bytes, struct metadata_snapshot *snapshot)
{
    assert(snapshot != NULL);
    struct snapshot_head head;
    if (bytes.size < sizeof head)
        return STATUS_CORRUPT;
    memcpy(&head, bytes.data, sizeof head);
    enum status status = check(bytes, SNAPSHOT_MAGIC);
    if (status != STATUS_OK)
        return status;
    size_t rest = bytes.size - sizeof head;
    if (head.configuration_size == 0 || head.configuration_size > rest ||
        head.records_size != rest - head.configuration_size || head.index == 0 || head.term == 0 ||
        head.configuration_index == 0 || head.configuration_index > head.index)
        return STATUS_CORRUPT;
    const uint8_t *at = bytes.data + sizeof head;
    *snapshot = (struct metadata_snapshot){
        .index = head.index,
        .term = head.term,
        .configuration_index = head.configuration_index,
        .configuration = bytes_of(at, head.configuration_size),
        .records = bytes_of(at + head.configuration_size, head.records_size)};
    return STATUS_OK;
}

/* --- Names ------------------------------------------------------------------------------------ */

/* The number in a name of the form PREFIX, 20 digits, SUFFIX; 0 if it is not of that form. */
static uint64_t name_index(const char *name, const char *prefix, const char *suffix)
{
    enum { DIGITS = 20 };
    size_t prefix_size = strlen(prefix);
    if (strlen(name) != prefix_size + DIGITS + strlen(suffix) ||
        strncmp(name, prefix, prefix_size) != 0 || strcmp(name + prefix_size + DIGITS, suffix) != 0)
        return 0;
    uint64_t index = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        char digit = name[prefix_size + i];
        if (digit < '0' || digit > '9')
            return 0;
        index = index * 10 + (uint64_t)(digit - '0');
    }
    return index;
}

uint64_t metadata_log_name_index(const char *name)
{
    return name_index(name, "metadata-", ".log");
}

uint64_t metadata_snapshot_name_index(const char *name)
{
    return name_index(name, "snapshot-", "");
}
