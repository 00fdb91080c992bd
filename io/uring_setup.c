/* Kernels differ in what they offer and containers in what they forbid, and version numbers say
 * little about either. So nothing is inferred: flags are tried from the best set down, every opcode
 * that is used is asked for, and one entry goes through the whole path before the backend is
 * chosen. */
#include "io/uring_setup.h"

#include "base/assert.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert((URING_ENTRY_COUNT & URING_ENTRY_MASK) == 0, "positions wrap by masking");

/* A file operation that blocks holds one of these threads of the kernel; more would only queue up
 * at the disk. */
enum { URING_BOUND_WORKERS = 4, URING_UNBOUND_WORKERS = 4 };

/* CQE_SKIP came last of these, with Linux 5.17. */
enum {
    URING_FEATURES =
        IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP
};

/* Best first. The plain last set works wherever the features above are there. */
static const uint32_t flag_sets[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,                                                     /* 6.1 */
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, /* 5.19 */
    0,
};

static const uint8_t opcodes[] = {
    IORING_OP_OPENAT,  IORING_OP_CLOSE,     IORING_OP_READ,     IORING_OP_WRITE,
    IORING_OP_FSYNC,   IORING_OP_FALLOCATE, IORING_OP_RENAMEAT, IORING_OP_UNLINKAT,
    IORING_OP_MKDIRAT, IORING_OP_ACCEPT,    IORING_OP_CONNECT,  IORING_OP_RECV,
    IORING_OP_SEND,    IORING_OP_SENDMSG,   IORING_OP_POLL_ADD, IORING_OP_WRITEV,
};

/* 0 or a negative errno. Flags that the kernel does not know are EINVAL. */
static int ring_setup(struct io_uring *ring)
{
    int error = -EINVAL;
    for (size_t i = 0; i < sizeof flag_sets / sizeof flag_sets[0] && error == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = flag_sets[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
            .cq_entries = URING_COMPLETION_COUNT,
        };
        error = io_uring_queue_init_params(URING_ENTRY_COUNT, ring, &params);
    }
    return error;
}

enum status uring_ring_open(struct io_uring *ring)
{
    assert(ring != NULL);
    int error = ring_setup(ring);
    if (error == -ENOSYS || error == -EPERM || error == -EACCES || error == -EINVAL)
        return STATUS_UNSUPPORTED;
    return error < 0 ? status_from_errno(-error) : STATUS_OK;
}

/* liburing 2.3 declares a function for this and forgets to export it. */
static int ring_enable(const struct io_uring *ring)
{
    return io_uring_register((unsigned)ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

enum status uring_ring_enable(struct io_uring *ring)
{
    int error = ring_enable(ring);
    if (error < 0)
        return status_from_errno(-error);
    unsigned int workers[2] = {URING_BOUND_WORKERS, URING_UNBOUND_WORKERS};
    /* Only a limit: a kernel that refuses it uses more threads. */
    (void)io_uring_register_iowq_max_workers(ring, workers);
    return STATUS_OK;
}

static bool opcodes_are_known(struct io_uring *ring, const uint8_t *wanted, size_t count)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    if (probe == NULL)
        return false;
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all = all && io_uring_opcode_supported(probe, wanted[i]);
    io_uring_free_probe(probe);
    return all;
}

bool uring_ring_takes_messages(struct io_uring *ring)
{
    const uint8_t message = IORING_OP_MSG_RING;
    return opcodes_are_known(ring, &message, 1);
}

/* Goes through the whole path once: a filter may forbid any of its system calls. */
static bool ring_carries(struct io_uring *ring)
{
    if (ring_enable(ring) < 0)
        return false;
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    assert(entry != NULL);
    io_uring_prep_nop(entry);
    struct io_uring_cqe *completion;
    return io_uring_submit_and_wait(ring, 1) == 1 && io_uring_peek_cqe(ring, &completion) == 0;
}

static const char *refusal_of_errno(int error_number)
{
    switch (error_number) {
    case ENOSYS: return "the kernel has no io_uring";
    case EPERM:
    case EACCES: return "io_uring is forbidden here";
    case ENOMEM: return "no memory may be locked for io_uring";
    case EMFILE:
    case ENFILE: return "no file descriptor is left for io_uring";
    case EINVAL: return "the kernel's io_uring is too old";
    default: return "io_uring fails to start";
    }
}

const char *uring_refusal(void)
{
    struct io_uring ring;
    int error = ring_setup(&ring);
    if (error < 0)
        return refusal_of_errno(-error);
    const char *refusal = NULL;
    if ((ring.features & URING_FEATURES) != URING_FEATURES ||
        !opcodes_are_known(&ring, opcodes, sizeof opcodes))
        refusal = "the kernel's io_uring is too old";
    else if (!ring_carries(&ring))
        refusal = "io_uring starts but does not work here";
    io_uring_queue_exit(&ring);
    return refusal;
}
