#include "cluster/random_uuid.h"

struct uuid random_uuid(struct io *io)
{
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    do {
        io_secret(io, &uuid, sizeof uuid);
        uuid.bytes[6] = (uuid.bytes[6] & 0x0f) | 0x40;
        uuid.bytes[8] = (uuid.bytes[8] & 0x3f) | 0x80;
        uuid_format(uuid, text);
    } while (text[0] == '-');
    return uuid;
}
