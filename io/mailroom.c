/* All rings stand in one array, a row for each sender, so that finding one is arithmetic and
 * nothing is allocated after the start. Head and tail lie on cache lines of their own: sender and
 * receiver would otherwise take the line from each other at every letter. */
#include "io/mailroom.h"

#include "base/assert.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A ring is 4 KiB of slots: with 64 cores all rings together are 16 MiB. */
enum { MAILBOX_CAPACITY = 512, CACHE_LINE_SIZE = 64, WORD_BITS = 64 };

struct mailbox {
    _Alignas(CACHE_LINE_SIZE) _Atomic uint32_t head; /* next to take; the receiver moves it */
    _Alignas(CACHE_LINE_SIZE) _Atomic uint32_t tail; /* next free; the sender moves it */
    _Atomic bool sender_waits;                       /* for room: ring its bell */
    struct list overflow;                            /* the sender's alone */
    struct completion *slots[MAILBOX_CAPACITY];
};

struct mail_desk {
    _Alignas(CACHE_LINE_SIZE) _Atomic bool is_asleep;
    int bell;
    int ring;
    /* The core's alone: whom it has sent mail, or made room for, in this turn. A bit for each. */
    _Alignas(CACHE_LINE_SIZE) uint64_t served[MAILROOM_CORES_MAX / WORD_BITS];
};

struct mailroom {
    uint32_t core_count;
    struct mail_desk *desks;
    struct mailbox *boxes; /* [from * core_count + to] */
};

_Static_assert((MAILBOX_CAPACITY & (MAILBOX_CAPACITY - 1)) == 0, "positions wrap by masking");

static struct mailbox *mailroom_box(struct mailroom *room, uint32_t from, uint32_t to)
{
    assert(from < room->core_count);
    assert(to < room->core_count);
    return &room->boxes[(size_t)from * room->core_count + to];
}

static void mailroom_init_boxes(struct mailroom *room)
{
    for (size_t i = 0; i < (size_t)room->core_count * room->core_count; i++) {
        struct mailbox *box = &room->boxes[i];
        atomic_init(&box->head, 0);
        atomic_init(&box->tail, 0);
        atomic_init(&box->sender_waits, false);
        list_init(&box->overflow);
    }
}

static enum status mailroom_open_bells(struct mailroom *room)
{
    for (uint32_t i = 0; i < room->core_count; i++) {
        atomic_init(&room->desks[i].is_asleep, false);
        room->desks[i].bell = -1;
        room->desks[i].ring = -1;
        memset(room->desks[i].served, 0, sizeof room->desks[i].served);
    }
    for (uint32_t i = 0; i < room->core_count; i++) {
        room->desks[i].bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (room->desks[i].bell < 0)
            return status_from_errno(errno);
    }
    return STATUS_OK;
}

enum status mailroom_create(uint32_t core_count, struct mailroom **room)
{
    assert(core_count > 0);
    assert(core_count <= MAILROOM_CORES_MAX);
    struct mailroom *made = calloc(1, sizeof *made);
    if (made == NULL)
        return STATUS_NO_MEMORY;
    enum status status = STATUS_NO_MEMORY;
    size_t box_count = (size_t)core_count * core_count;
    made->core_count = core_count;
    made->desks = aligned_alloc(CACHE_LINE_SIZE, core_count * sizeof *made->desks);
    if (made->desks == NULL)
        goto free_room;
    made->boxes = aligned_alloc(CACHE_LINE_SIZE, box_count * sizeof *made->boxes);
    if (made->boxes == NULL)
        goto free_desks;
    mailroom_init_boxes(made);
    status = mailroom_open_bells(made);
    if (status != STATUS_OK) {
        mailroom_destroy(made);
        return status;
    }
    *room = made;
    return STATUS_OK;

free_desks:
    free(made->desks);
free_room:
    free(made);
    return status;
}

void mailroom_destroy(struct mailroom *room)
{
    assert(room != NULL);
    for (uint32_t i = 0; i < room->core_count; i++) {
        if (room->desks[i].bell >= 0)
            close(room->desks[i].bell);
    }
    free(room->boxes);
    free(room->desks);
    free(room);
}

uint32_t mailroom_core_count(const struct mailroom *room)
{
    return room->core_count;
}

static bool mailbox_put(struct mailbox *box, struct completion *mail)
{
    assert(mail != NULL);
    uint32_t tail = atomic_load_explicit(&box->tail, memory_order_relaxed);
    uint32_t count = tail - atomic_load(&box->head);
    assert(count <= MAILBOX_CAPACITY);
    if (count == MAILBOX_CAPACITY)
        return false;
    box->slots[tail & (MAILBOX_CAPACITY - 1)] = mail;
    atomic_store(&box->tail, tail + 1);
    return true;
}

/* `core` has reason to look into its rings. */
static void mailroom_note(struct mailroom *room, uint32_t by, uint32_t core)
{
    assert(by < room->core_count);
    assert(core < room->core_count);
    room->desks[by].served[core / WORD_BITS] |= (uint64_t)1 << core % WORD_BITS;
}

/* The lowest of those noted, which is noted no more. */
static bool mailroom_take_served(struct mailroom *room, uint32_t by, uint32_t *core)
{
    for (uint32_t i = 0; i * WORD_BITS < room->core_count; i++) {
        uint64_t *word = &room->desks[by].served[i];
        if (*word == 0)
            continue;
        *core = i * WORD_BITS + (uint32_t)__builtin_ctzll(*word);
        *word &= *word - 1;
        return true;
    }
    return false;
}

/* Only the first who finds a core asleep pays for the waking. */
bool mailroom_rouse(struct mailroom *room, uint32_t core)
{
    assert(core < room->core_count);
    struct mail_desk *desk = &room->desks[core];
    return atomic_load(&desk->is_asleep) && atomic_exchange(&desk->is_asleep, false);
}

bool mailroom_next_sleeper(struct mailroom *room, uint32_t from, uint32_t *sleeper)
{
    assert(from < room->core_count);
    while (mailroom_take_served(room, from, sleeper)) {
        if (mailroom_rouse(room, *sleeper))
            return true;
    }
    return false;
}

/* Moves waiting mail into the ring while there is room. The flag is set before looking for room:
 * a receiver that empties the ring after we looked sees it. */
static void mailbox_flush(struct mailroom *room, uint32_t from, uint32_t to)
{
    struct mailbox *box = mailroom_box(room, from, to);
    if (list_is_empty(&box->overflow))
        return;
    atomic_store(&box->sender_waits, true);
    struct list_node *node;
    while ((node = list_first(&box->overflow)) != NULL) {
        list_remove(node); /* before it is the receiver's */
        if (!mailbox_put(box, container_of(node, struct completion, node))) {
            list_push_front(&box->overflow, node);
            break;
        }
    }
    mailroom_note(room, from, to);
}

void mailroom_post(struct mailroom *room, uint32_t from, uint32_t to, struct completion *mail,
                   int32_t result)
{
    assert(from != to);
    assert(mail->landed != NULL);
    assert(!list_node_is_linked(&mail->node));
    struct mailbox *box = mailroom_box(room, from, to);
    mail->result = result;
    if (list_is_empty(&box->overflow) && mailbox_put(box, mail)) {
        mailroom_note(room, from, to);
        return;
    }
    list_push_back(&box->overflow, &mail->node);
    mailbox_flush(room, from, to);
}

static void mailbox_take(struct mailroom *room, uint32_t from, uint32_t to,
                         struct ready_queue *ready)
{
    struct mailbox *box = mailroom_box(room, from, to);
    assert(ready != NULL);
    uint32_t head = atomic_load_explicit(&box->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&box->tail, memory_order_acquire);
    assert(tail - head <= MAILBOX_CAPACITY);
    if (head == tail)
        return;
    for (; head != tail; head++) {
        struct completion *mail = box->slots[head & (MAILBOX_CAPACITY - 1)];
        ready_queue_push(ready, mail, mail->result);
    }
    atomic_store(&box->head, head);
    if (atomic_load(&box->sender_waits) && atomic_exchange(&box->sender_waits, false))
        mailroom_note(room, to, from);
}

void mailroom_collect(struct mailroom *room, uint32_t core, struct ready_queue *ready)
{
    assert(core < room->core_count);
    for (uint32_t other = 0; other < room->core_count; other++) {
        mailbox_flush(room, core, other);
        mailbox_take(room, other, core, ready);
    }
}

bool mailroom_sleep(struct mailroom *room, uint32_t core)
{
    assert(core < room->core_count);
    assert(!atomic_load(&room->desks[core].is_asleep));
    atomic_store(&room->desks[core].is_asleep, true);
    for (uint32_t other = 0; other < room->core_count; other++) {
        mailbox_flush(room, core, other);
        struct mailbox *box = mailroom_box(room, other, core);
        if (atomic_load(&box->tail) != atomic_load_explicit(&box->head, memory_order_relaxed)) {
            mailroom_awake(room, core);
            return false;
        }
    }
    return true;
}

void mailroom_awake(struct mailroom *room, uint32_t core)
{
    assert(core < room->core_count);
    atomic_store(&room->desks[core].is_asleep, false);
}

void mailroom_set_ring(struct mailroom *room, uint32_t core, int ring)
{
    assert(core < room->core_count);
    room->desks[core].ring = ring;
}

int mailroom_ring(const struct mailroom *room, uint32_t core)
{
    assert(core < room->core_count);
    return room->desks[core].ring;
}

int mailroom_bell(const struct mailroom *room, uint32_t core)
{
    assert(core < room->core_count);
    return room->desks[core].bell;
}

/* It would take 2^64 rings to fill the counter. */
void mailroom_ring_bell(struct mailroom *room, uint32_t core)
{
    assert(core < room->core_count);
    uint64_t one = 1;
    ssize_t written = write(room->desks[core].bell, &one, sizeof one);
    assert(written == (ssize_t)sizeof one);
}
