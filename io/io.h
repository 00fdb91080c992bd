/* The one door to the outside: files, sockets, time, chance, and mail between cores.
 *
 * Everything that is not deterministic passes through here. Operations are data: the caller owns a
 * `struct io_request`, one of the calls below fills it in and gives it to the backend, and its
 * completion lands later on the same core, never inside the call. The backend is chosen at run
 * time:
 *
 *   uring  one ring per core; what production uses
 *   posix  epoll and worker threads, for machines and containers that refuse io_uring
 *   sim    a seeded world of disks and networks with faults (folder sim/)
 *
 * Rules that hold for all of them:
 *   - A request lands exactly once, from the ready queue of the core that made it.
 *   - The request, its buffers, its path text and its pieces belong to the door until it lands.
 *   - A result is a count or handle (>= 0) or a negative enum status.
 *   - io_write and io_send land when everything has been written, or with an error: the door goes
 *     on after short counts, and so does io_sendfile. io_read lands short only at the end of the
 *     file. io_receive lands with what there is; 0 means that the other side has ended its stream.
 *   - Requests in flight are not ordered among each other, but for pairs (io_write_durable_next).
 *     io_sync makes durable what had landed before it was asked for, and nothing else.
 *   - An error of a write or sync of a log is final for the caller: nothing here retries it.
 *   - One transfer is at most INT32_MAX bytes.
 *
 * A door belongs to its core: no call below may be made from another thread, except io_stop. */
#ifndef TAILRACE_IO_IO_H
#define TAILRACE_IO_IO_H

#include "base/bytes.h"
#include "base/completion.h"
#include "base/log.h"
#include "base/op.h"
#include "base/timer_wheel.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Direct transfers need buffer address, size and offset to be multiples of this. */
enum { IO_BLOCK_SIZE = 4096 };

/* Of one write to a file. */
enum { IO_WRITE_PIECE_COUNT_MAX = 16 };

struct io;

enum io_kind {
    IO_OPEN,
    IO_CLOSE,
    IO_READ,
    IO_WRITE,
    IO_SYNC,
    IO_ALLOCATE,
    IO_TRUNCATE,
    IO_RENAME,
    IO_UNLINK,
    IO_MAKE_DIRECTORY,
    IO_REMOVE_DIRECTORY,
    IO_SYNC_DIRECTORY,
    IO_LIST_DIRECTORY,
    IO_FILE_SIZE,
    IO_FREE_SPACE,
    IO_ACCEPT,
    IO_CONNECT,
    IO_RECEIVE,
    IO_SEND,
    IO_SENDFILE,
    IO_SIGNAL,
};

/* How to open a file. */
enum io_open_flags {
    IO_OPEN_READ_ONLY = 1 << 0, /* otherwise for reading and writing */
    IO_OPEN_CREATE = 1 << 1,    /* make it if it is not there, mode 0600 */
    IO_OPEN_EXCLUSIVE = 1 << 2, /* with CREATE: STATUS_EXISTS if it is there */
    IO_OPEN_TRUNCATE = 1 << 3,
    /* Past the page cache. Where the file system refuses, the file is opened buffered, the log says
     * so once per door, and everything else works the same. */
    IO_OPEN_DIRECT = 1 << 4,
    /* Through the page cache, and only what is asked for comes to lie there: nothing is read ahead.
     * What io_sendfile sends from. */
    IO_OPEN_CACHED = 1 << 5,
};

/* Where in a file some bytes lie; how many, the piece says that they stand for. */
struct io_file_range {
    int32_t handle;
    uint64_t offset;
};

/* An IPv4 or IPv6 endpoint, as text for people and as numbers for the backend. */
struct io_address {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;  /* host order */
    char text[64];  /* "127.0.0.1:9092", "[::1]:9092" */
};

/* Fills in an address from a numeric IP (v4, v6, with or without brackets) or, through the system's
 * resolver, a host name; "" or "0.0.0.0" or "::" mean all interfaces. Blocking: for start-up. */
enum status io_address_parse(const char *host, uint16_t port, struct io_address *address);

struct io_request {
    struct completion completion;
    enum io_kind kind;
    uint32_t flags; /* of the call that filled it in */
    int32_t handle; /* file, socket or listener */
    union {
        struct {
            uint8_t *buffer;
            uint32_t size_bytes;
            uint32_t done_bytes; /* of the parts that came before a short count */
            uint64_t offset;
            const struct bytes *pieces; /* of a WRITE from several buffers, instead of `buffer` */
            uint32_t piece_count;
        } transfer; /* READ, WRITE, RECEIVE */
        struct {
            const struct bytes *pieces;
            uint32_t piece_count;
            uint32_t piece_index; /* first piece not wholly sent */
            size_t piece_done;    /* bytes of that piece already sent */
            size_t sent_bytes;
            const struct io_file_range *ranges; /* SENDFILE */
            uint32_t range_index;               /* of the first piece not wholly sent, or later */
        } send;                                 /* SEND, SENDFILE */
        struct {
            const char *path;
            const char *to_path; /* RENAME */
        } name;
        struct {
            uint64_t offset;
            uint64_t size_bytes;
        } range; /* ALLOCATE, TRUNCATE (size_bytes); FILE_SIZE answers in size_bytes */
        struct {
            uint64_t usable_bytes;
            uint64_t total_bytes;
        } space; /* FREE_SPACE answers here */
        struct {
            const char *path;
            struct arena *arena;
            struct io_entry *entries; /* answer, in byte order of names */
            uint32_t entry_count;
        } listing;
        struct io_address address; /* CONNECT: where to; ACCEPT: who it was */
    };
    struct list_node backend_node;     /* the backend's own */
    uint64_t backend_word;             /* the backend's own */
    _Atomic(struct io_request *) next; /* what follows an at-once WRITE; itself: it is over */
};

struct io_entry {
    const char *name; /* in the listing's arena */
    bool is_directory;
};

/* --- Files ----------------------------------------------------------------------------------- */

/* Lands with a handle. STATUS_NOT_FOUND, STATUS_EXISTS, STATUS_NO_FILES, ... */
void io_open(struct io *io, struct io_request *request, const char *path, uint32_t open_flags);

/* Nothing else may be in flight on the handle. */
void io_close(struct io *io, struct io_request *request, int32_t handle);

/* On a file opened DIRECT everything must be aligned to IO_BLOCK_SIZE. Lands with the bytes read,
 * fewer than asked only at the end of the file. */
void io_read(struct io *io, struct io_request *request, int32_t handle, void *buffer,
             uint32_t size_bytes, uint64_t offset);

/* Lands with size_bytes or an error. */
void io_write(struct io *io, struct io_request *request, int32_t handle, const void *buffer,
              uint32_t size_bytes, uint64_t offset);

/* io_write and then io_sync of the file, in that order, landing after both: one commit. Lands with
 * size_bytes, which is not 0, or with the error of either. */
void io_write_durable(struct io *io, struct io_request *request, int32_t handle, const void *buffer,
                      uint32_t size_bytes, uint64_t offset);

/* The same for a small write that somebody waits for. It sets out within the call, and its sync
 * follows at once, whatever this core is busy with. For a few at a time on a core, one for each
 * disk: it may take a thread, of which there are few. */
void io_write_durable_at_once(struct io *io, struct io_request *request, int32_t handle,
                              const void *buffer, uint32_t size_bytes, uint64_t offset);

/* The same, as the second of a pair: it begins when `first`, an at-once write that has begun and
 * not landed, is durable, at that very moment and whatever this core is busy with, and lands after
 * it. If `first` fails, nothing of it is written, and it lands with STATUS_CANCELLED. A first has
 * one second at a time; a second that has begun can be the first of another. */
void io_write_durable_next(struct io *io, struct io_request *request, struct io_request *first,
                           int32_t handle, const void *buffer, uint32_t size_bytes,
                           uint64_t offset);

/* Takes back what was to follow `first`, whose memory is still that of the pair. True: it has not
 * begun, never will, and does not land. False: it was too late for that. */
bool io_withdraw_next(struct io *io, struct io_request *first);

/* io_write from several buffers, which come to lie one behind the other in the file. There are from
 * 1 to IO_WRITE_PIECE_COUNT_MAX, and none is empty; on a file opened DIRECT each is aligned. */
void io_write_pieces(struct io *io, struct io_request *request, int32_t handle,
                     const struct bytes *pieces, uint32_t piece_count, uint64_t offset);

/* Data, and the metadata needed to read it back (fdatasync). */
void io_sync(struct io *io, struct io_request *request, int32_t handle);

/* Makes [offset, offset + size) part of the file, reading as zeros where nothing was written, with
 * its space reserved: a later write there cannot fail for lack of space. */
void io_allocate(struct io *io, struct io_request *request, int32_t handle, uint64_t offset,
                 uint64_t size_bytes);

void io_truncate(struct io *io, struct io_request *request, int32_t handle, uint64_t size_bytes);

/* The size lands in request->range.size_bytes. */
void io_file_size(struct io *io, struct io_request *request, int32_t handle);

/* Names become durable only with io_sync_directory of the directory that holds them. */
void io_rename(struct io *io, struct io_request *request, const char *from, const char *to);
void io_unlink(struct io *io, struct io_request *request, const char *path);

/* Mode 0700. STATUS_EXISTS if it is there. */
void io_make_directory(struct io *io, struct io_request *request, const char *path);

/* STATUS_EXISTS if something is in it. */
void io_remove_directory(struct io *io, struct io_request *request, const char *path);
void io_sync_directory(struct io *io, struct io_request *request, const char *path);

/* Names and kinds land in request->listing, without "." and "..". */
void io_list_directory(struct io *io, struct io_request *request, const char *path,
                       struct arena *arena);

/* The bytes that an ordinary user may still write, and how large the file system is, land in
 * request->space. */
void io_free_space(struct io *io, struct io_request *request, const char *path);

/* --- Sockets --------------------------------------------------------------------------------- */

/* Answers at once. A port of 0 takes a free one and writes it back into the address. */
enum status io_listen(struct io *io, struct io_address *address, int32_t *listener);

/* Lands with a connected handle; the peer is in request->address. The handle may be given to
 * another core by mail before anything else is asked of it; from its first receive or send on it
 * stays where it is. Several accepts may wait on one listener. STATUS_NO_FILES when no handle is
 * free, even if nobody has come yet; whoever comes waits in the queue, so ask again later. */
void io_accept(struct io *io, struct io_request *request, int32_t listener);

/* Accepts that wait land with STATUS_CANCELLED, if not with a connection that had come before. */
void io_close_listener(struct io *io, int32_t listener);

/* Lands with a handle, which may be given away like an accepted one. STATUS_REFUSED,
 * STATUS_TIMED_OUT, ... */
void io_connect(struct io *io, struct io_request *request, const struct io_address *address);

void io_receive(struct io *io, struct io_request *request, int32_t handle, void *buffer,
                uint32_t size_bytes);

/* All pieces in order. */
void io_send(struct io *io, struct io_request *request, int32_t handle, const struct bytes *pieces,
             uint32_t piece_count);

/* io_send of pieces of which some lie in files: a piece that has a size and no data stands for the
 * next of `ranges`. The ranges have been written and will not change, and their handles, from opens
 * with IO_OPEN_CACHED, stay open until this has landed. What the page cache has is sent from there
 * without a copy; the rest is read first, elsewhere than on this core. When a file cannot be read,
 * or is too short (STATUS_IO), some of the pieces may have been sent: the stream is of no use any
 * more. */
void io_sendfile(struct io *io, struct io_request *request, int32_t handle,
                 const struct bytes *pieces, uint32_t piece_count,
                 const struct io_file_range *ranges);

/* How much of an io_send or io_sendfile in flight has left, as far as the door has heard: it may
 * lag by some MiB. Stands still for as long as the other side takes nothing. */
size_t io_sent_bytes(const struct io_request *request);

/* Ends both directions at once: what is in flight on the handle lands soon, with 0 or an error.
 * Then io_close gives the handle back. */
void io_shutdown(struct io *io, int32_t handle);

/* --- Time and chance -------------------------------------------------------------------------- */

/* Monotonic, nanoseconds, taken once per turn of the loop. For every timeout. */
uint64_t io_now_ns(const struct io *io);

/* Milliseconds since 1970. For timestamps of records and nothing else; it may jump. */
int64_t io_wall_ms(struct io *io);

/* `timer` lands (through its own `fired`) at or after the deadline, from this core's loop. */
void io_timer_start(struct io *io, struct timer *timer, uint64_t deadline_ns);

/* A timer that is not running is left alone. A cancelled timer never fires. */
void io_timer_cancel(struct io *io, struct timer *timer);

/* For jitter and choices, not for secrets. */
uint64_t io_random_u64(struct io *io);

/* For ids, nonces and salts: the system's secure source; seeded in the simulator. */
void io_secret(struct io *io, void *buffer, size_t size);

/* --- Cores ------------------------------------------------------------------------------------ */

uint32_t io_core_index(const struct io *io);
uint32_t io_core_count(const struct io *io);

/* Lands `mail` with `result` on another core (or this one, at its next turn). The mail belongs to
 * the receiver from here on; it usually travels back the same way. Mail between two cores keeps its
 * order. */
void io_post(struct io *io, uint32_t core_index, struct completion *mail, int32_t result);

/* Lands a completion on this core at the next turn. */
void io_land(struct io *io, struct completion *completion, int32_t result);

/* Lands with the signal number when the process is asked to stop (SIGTERM, SIGINT). Core 0 asks,
 * once, before the program starts threads of its own: they would take the signals away. A second
 * signal ends the process at once. The request need not have landed when the door is given up. */
void io_signal(struct io *io, struct io_request *request);

/* The operations in flight on this core. */
struct op_registry *io_ops(struct io *io);
struct logger *io_logger(struct io *io);
const char *io_backend_name(const struct io *io);

/* --- The loop --------------------------------------------------------------------------------- */

/* One turn: lands what is ready; if nothing was, waits for an event or the next timer first. */
void io_turn(struct io *io);

/* Turns until io_stop. */
void io_run(struct io *io);

/* Ends io_run after the present turn; from any thread. */
void io_stop(struct io *io);

/* Waits for one request, for code that runs before the loop does (recovery, loading of files):
 * `io_read(io, &request, ...); int32_t result = io_await(io, &request);`. Only file requests, whose
 * `landed` this call sets; nothing else may be in flight on this door. */
int32_t io_await(struct io *io, struct io_request *request);

/* The same for several that are in flight together; each has its result when this returns. */
void io_await_all(struct io *io, struct io_request *const *requests, uint32_t count);

#endif
