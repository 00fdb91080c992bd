/* Making and checking one commit. What comes from disk is believed after its checksum only. */
#include "storage/commit.h"

#include "base/assert.h"
#include "base/crc32c.h"

enum { COMMIT_MAGIC = 0x314a5254, COMMIT_VERSION = 1 };

uint32_t commit_put(uint8_t *buffer, uint32_t size_bytes, const struct commit_entry *entry,
                    const uint8_t *payload)
{
    assert(size_bytes >= COMMIT_HEADER_SIZE);
    assert(size_bytes % 8 == 0);
    uint64_t stored_size = commit_entry_stored_size(entry->payload_size);
    assert(stored_size <= UINT32_MAX - size_bytes);
    uint8_t *to = buffer + size_bytes;
    memcpy(to, entry, sizeof *entry);
    if (entry->payload_size > 0)
        memcpy(to + COMMIT_ENTRY_SIZE, payload, entry->payload_size);
    uint64_t used_size = COMMIT_ENTRY_SIZE + (uint64_t)entry->payload_size;
    memset(to + used_size, 0, stored_size - used_size);
    return size_bytes + (uint32_t)stored_size;
}

void commit_seal(uint8_t *buffer, struct commit_header header)
{
    assert(header.size_bytes >= COMMIT_HEADER_SIZE);
    assert(header.sequence > 0);
    assert(header.released_sequence < header.sequence);
    header.magic = COMMIT_MAGIC;
    header.version = COMMIT_VERSION;
    header.crc = 0;
    memset(header.zero, 0, sizeof header.zero);
    memcpy(buffer, &header, sizeof header);
    memset(buffer + header.size_bytes, 0,
           commit_stored_size(header.size_bytes) - header.size_bytes);
    header.crc = crc32c(0, buffer, header.size_bytes);
    memcpy(buffer, &header, sizeof header);
}

static bool checksum_matches(const uint8_t *data, const struct commit_header *header)
{
    struct commit_header zeroed = *header;
    zeroed.crc = 0;
    uint32_t crc = crc32c(0, &zeroed, sizeof zeroed);
    crc = crc32c(crc, data + COMMIT_HEADER_SIZE, header->size_bytes - COMMIT_HEADER_SIZE);
    return crc == header->crc;
}

enum status commit_verify(struct bytes available, uint64_t epoch, uint32_t size_bytes_max,
                          struct commit_header *header)
{
    *header = (struct commit_header){0};
    if (available.size < COMMIT_HEADER_SIZE)
        return STATUS_NOT_FOUND;
    memcpy(header, available.data, sizeof *header);
    if (header->magic != COMMIT_MAGIC)
        return STATUS_NOT_FOUND;
    if (header->epoch != epoch)
        return STATUS_NOT_FOUND;
    if (header->version != COMMIT_VERSION)
        return STATUS_UNSUPPORTED;
    if (header->size_bytes < COMMIT_HEADER_SIZE || header->size_bytes > size_bytes_max)
        return STATUS_CORRUPT;
    if (header->size_bytes > available.size)
        return STATUS_TRUNCATED;
    return checksum_matches(available.data, header) ? STATUS_OK : STATUS_CORRUPT;
}

bool commit_next(struct bytes commit, uint32_t *position, struct commit_entry *entry,
                 struct bytes *payload)
{
    assert(*position >= COMMIT_HEADER_SIZE);
    assert(*position % 8 == 0);
    if (*position + (uint64_t)COMMIT_ENTRY_SIZE > commit.size)
        return false;
    memcpy(entry, commit.data + *position, sizeof *entry);
    uint64_t stored_size = commit_entry_stored_size(entry->payload_size);
    if (*position + stored_size > commit.size)
        return false;
    *payload = bytes_of(commit.data + *position + COMMIT_ENTRY_SIZE, entry->payload_size);
    *position += (uint32_t)stored_size;
    return true;
}
