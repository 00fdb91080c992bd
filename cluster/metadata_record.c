/* The body's size is patched in afterwards, because codecs write forward only. On reading, a body
 * must be used up exactly: bytes left over mean that its writer knew fields that we do not. */
#include "cluster/metadata_record.h"

#include "base/assert.h"

enum { FRAME_SIZE = 8, FRAME_SIZE_AT = 4 };

static void encode_body(struct writer *writer, const struct metadata_record *record)
{
    switch (record->kind) {
#define X(name, field, codec, version)                                                             \
    case METADATA_##name: codec##_encode(writer, version, &record->field); return;
        METADATA_RECORD_LIST(X)
#undef X
    }
    unreachable();
}

static int16_t version_of(enum metadata_record_kind kind)
{
    switch (kind) {
#define X(name, field, codec, version)                                                             \
    case METADATA_##name: return version;
        METADATA_RECORD_LIST(X)
#undef X
    }
    unreachable();
}

/* The version stands in the frame, so that each release may tell its own records from others'. */
void metadata_record_write(struct writer *writer, const struct metadata_record *record)
{
    size_t start = writer->size;
    writer_i16(writer, (int16_t)record->kind);
    writer_i16(writer, version_of(record->kind));
    writer_i32(writer, 0);
    encode_body(writer, record);
    if (writer->status != STATUS_OK)
        return;
    assert(writer->size >= start + FRAME_SIZE);
    assert(writer->size - start - FRAME_SIZE <= INT32_MAX);
    writer_patch_i32(writer, start + FRAME_SIZE_AT, (int32_t)(writer->size - start - FRAME_SIZE));
}

static enum status decode_body(struct reader *reader, int16_t version, struct arena *arena,
                               struct metadata_record *record)
{
    switch (record->kind) {
#define X(name, field, codec, written)                                                             \
    case METADATA_##name: return codec##_decode(reader, version, arena, &record->field);
        METADATA_RECORD_LIST(X)
#undef X
    }
    return STATUS_UNSUPPORTED;
}

enum status metadata_record_read(struct reader *reader, struct arena *arena,
                                 struct metadata_record *record, int16_t *version)
{
    assert(reader->status == STATUS_OK);
    assert(record != NULL);
    assert(version != NULL);
    *record = (struct metadata_record){.kind = (enum metadata_record_kind)reader_i16(reader)};
    *version = reader_i16(reader);
    uint32_t size = reader_u32(reader);
    struct bytes body = reader_bytes(reader, size);
    if (reader->status != STATUS_OK)
        return reader->status;
    struct reader inner;
    reader_init(&inner, body);
    enum status status = decode_body(&inner, *version, arena, record);
    if (status == STATUS_OK && reader_remaining(&inner) != 0)
        status = STATUS_MALFORMED;
    if (status != STATUS_OK)
        reader_fail(reader, status);
    return status;
}
