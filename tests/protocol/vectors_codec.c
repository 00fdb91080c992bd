/* A codec for golden vectors: lines of JSON in, lines of JSON out.
 *
 *   {"api":"Produce","key":0,"type":"request","version":9,"flexible":true,"hex":"..."}
 *   {"hex":"..."} or {"error":"why"} or {"unsupported":true}
 *
 * Each message is decoded into its struct and encoded again; what comes back must be the same
 * bytes. `type` is request, response, request_header, response_header, or request_frame and
 * response_frame (size, header, body). */
#include "protocol/headers.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_LIMIT = 64 * 1024 * 1024 };

/* Decodes one message and encodes it into `writer`. */
typedef enum status recode_function(struct reader *reader, int16_t version, struct arena *arena,
                                    struct writer *writer);

#define X(name, title, kind, key, version_min, version_max, flexible_since)                        \
    static enum status name##_recode(struct reader *reader, int16_t version, struct arena *arena,  \
                                     struct writer *writer)                                        \
    {                                                                                              \
        struct name message;                                                                       \
        enum status status = name##_decode(reader, version, arena, &message);                      \
        if (status == STATUS_OK)                                                                   \
            name##_encode(writer, version, &message);                                              \
        return status == STATUS_OK ? writer->status : status;                                      \
    }
PROTOCOL_MESSAGES_LIST(X)
#undef X

struct row {
    const char *title;
    const char *kind;
    int16_t flexible_since;
    recode_function *recode;
};

static const struct row rows[] = {
#define X(name, title, kind, key, version_min, version_max, flexible_since)                        \
    {(title), (kind), (flexible_since), name##_recode},
    PROTOCOL_MESSAGES_LIST(X)
#undef X
};

struct question {
    const char *title;
    const char *type;
    int16_t version;
    struct bytes bytes;
};

static const struct row *find_row(const char *title, const char *kind)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].title, title) == 0 && strcmp(rows[i].kind, kind) == 0)
            return &rows[i];
    }
    return NULL;
}

static bool is_type(const struct question *question, const char *type)
{
    return strcmp(question->type, type) == 0;
}

/* The header that goes before a message of `row`. */
static enum status recode_header(struct reader *reader, const struct question *question,
                                 const struct row *row, struct arena *arena, struct writer *writer)
{
    bool is_flexible = question->version >= row->flexible_since;
    if (is_type(question, "request_frame"))
        return request_header_recode(reader, is_flexible ? 2 : 1, arena, writer);
    bool has_tags = is_flexible && strcmp(row->title, "ApiVersions") != 0;
    return response_header_recode(reader, has_tags ? 1 : 0, arena, writer);
}

static enum status recode_frame(struct reader *reader, const struct question *question,
                                const struct row *row, struct arena *arena, struct writer *writer)
{
    int32_t size = reader_i32(reader);
    if (frame_check_size(size, FRAME_SIZE_MAX) != STATUS_OK && is_type(question, "request_frame"))
        return STATUS_MALFORMED;
    if ((size_t)size != reader_remaining(reader))
        return STATUS_MALFORMED;
    frame_begin(writer);
    enum status status = recode_header(reader, question, row, arena, writer);
    if (status == STATUS_OK)
        status = row->recode(reader, question->version, arena, writer);
    frame_end(writer);
    return status;
}

/* STATUS_NOT_FOUND for a message that has no schema. */
static enum status recode(const struct question *question, struct arena *arena,
                          struct writer *writer)
{
    struct reader reader;
    reader_init(&reader, question->bytes);
    bool is_header = strstr(question->type, "_header") != NULL;
    bool is_frame = strstr(question->type, "_frame") != NULL;
    bool is_request = strncmp(question->type, "request", strlen("request")) == 0;
    const struct row *row = is_header
                                ? find_row(question->title, "data")
                                : find_row(question->title, is_request ? "request" : "response");
    if (row == NULL)
        return STATUS_NOT_FOUND;
    enum status status = is_frame ? recode_frame(&reader, question, row, arena, writer)
                                  : row->recode(&reader, question->version, arena, writer);
    if (status == STATUS_OK && reader_remaining(&reader) > 0)
        return STATUS_MALFORMED;
    return status;
}

static void print_hex(const struct writer *writer)
{
    struct bytes *pieces;
    uint32_t count;
    if (!writer_pieces(writer, &pieces, &count))
        abort();
    fputs("{\"hex\":\"", stdout);
    for (uint32_t i = 0; i < count; i++) {
        for (size_t k = 0; k < pieces[i].size; k++)
            printf("%02x", pieces[i].data[k]);
    }
    puts("\"}");
}

static struct bytes parse_hex(const char *hex, struct arena *arena)
{
    size_t size = strlen(hex) / 2;
    uint8_t *data = arena_allocate(arena, size + 1);
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        if (data == NULL || sscanf(hex + 2 * i, "%2x", &value) != 1)
            abort();
        data[i] = (uint8_t)value;
    }
    return bytes_of(data, size);
}

static void answer(json_t *line, struct arena *arena)
{
    const char *hex;
    int version;
    struct question question;
    if (json_unpack(line, "{s:s, s:s, s:i, s:s}", "api", &question.title, "type", &question.type,
                    "version", &version, "hex", &hex) != 0) {
        puts("{\"error\":\"not a question\"}");
        return;
    }
    question.version = (int16_t)version;
    question.bytes = parse_hex(hex, arena);
    struct writer writer;
    writer_init(&writer, arena);
    enum status status = recode(&question, arena, &writer);
    if (status == STATUS_NOT_FOUND || status == STATUS_UNSUPPORTED)
        puts("{\"unsupported\":true}");
    else if (status != STATUS_OK)
        printf("{\"error\":\"%s\"}\n", status_text(status));
    else
        print_hex(&writer);
}

int main(void)
{
    json_t *line;
    while ((line = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
        struct arena arena;
        arena_init(&arena, ARENA_LIMIT);
        answer(line, &arena);
        fflush(stdout);
        arena_deinit(&arena);
        json_decref(line);
    }
    return 0;
}
