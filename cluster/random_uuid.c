/* Drawn until its text begins with a letter or a digit: one that begins with a dash would be taken
 * for a flag on a command line. */
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
