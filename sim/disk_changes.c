/* Keeping some changes and not others must leave what could be: keeping one pulls in those before
 * it on which it rests, losing one takes along those after it that rest on it. A rename is one
 * change with two halves, so it ties its names together, and on an ordered disk its directories.
 * Without order, that of a file from one directory to another is two changes. */
#include "sim/disk_changes.h"

#include "base/assert.h"
#include "sim/memory.h"

enum { CHANCE_WHOLE = 256 };

/* One name that comes to stand for something else, or for nothing. */
struct link {
    struct inode *directory; /* NULL: this half of the change is not used */
    char *name;
    struct inode *target;
};

/* A change to names, all or nothing. A rename has two halves, everything else has one. */
struct name_change {
    struct list_node node;
    uint64_t number;
    struct link links[2];
    bool keep; /* while it is decided what becomes durable */
};

void disk_name_set(struct disk *disk, struct disk_names *table, const char *name,
                   struct inode *target)
{
    disk_hold(target);
    disk_release(disk, disk_names_set(table, name, target));
}

static struct link link_make(struct inode *directory, const char *name, struct inode *target)
{
    assert(directory->is_directory);
    return (struct link){.directory = disk_hold(directory),
                         .name = must_copy_text(name, strlen(name)),
                         .target = disk_hold(target)};
}

static void link_release(struct disk *disk, struct link *link)
{
    if (link->directory == NULL)
        return;
    free(link->name);
    disk_release(disk, link->target);
    disk_release(disk, link->directory);
}

/* The change is made visible at once, and waits on the list to become durable. */
static struct name_change *change_add(struct disk *disk, struct inode *directory, const char *name,
                                      struct inode *target)
{
    assert(directory->is_directory);
    struct name_change *change = must_allocate(1, sizeof *change);
    change->number = ++disk->name_change_count;
    change->links[0] = link_make(directory, name, target);
    list_node_init(&change->node);
    list_push_back(&disk->name_changes, &change->node);
    disk_name_set(disk, &directory->current, name, target);
    return change;
}

static void change_destroy(struct disk *disk, struct name_change *change)
{
    list_remove(&change->node);
    link_release(disk, &change->links[0]);
    link_release(disk, &change->links[1]);
    free(change);
}

static bool change_touches(const struct name_change *change, const struct inode *directory)
{
    return change->links[0].directory == directory || change->links[1].directory == directory;
}

static bool link_rests_on(enum disk_order order, const struct link *later,
                          const struct link *earlier)
{
    if (later->directory == NULL || later->directory != earlier->directory)
        return false;
    return order == DISK_ORDERED || strcmp(later->name, earlier->name) == 0;
}

static bool change_moves_directory(const struct name_change *change)
{
    const struct link *to = &change->links[0];
    const struct link *from = &change->links[1];
    return from->directory != NULL && from->directory != to->directory && to->target->is_directory;
}

/* Whether the later change cannot be durable without the earlier one. Whoever moves a file on
 * touches the name that it was given before. Directories that move are kept in order,
 * or one could come to lie within itself. */
static bool change_rests_on(enum disk_order order, const struct name_change *later,
                            const struct name_change *earlier)
{
    assert(later->number > earlier->number);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (link_rests_on(order, &later->links[i], &earlier->links[k]))
                return true;
    return change_moves_directory(later) && change_moves_directory(earlier);
}

static void change_make_durable(struct disk *disk, struct name_change *change)
{
    assert(change->keep);
    for (int i = 0; i < 2; i++) {
        struct link *link = &change->links[i];
        if (link->directory != NULL)
            disk_name_set(disk, &link->directory->durable, link->name, link->target);
    }
    change_destroy(disk, change);
}

/* Whether a later change that is kept rests on this one. */
static bool change_is_needed(const struct disk *disk, const struct name_change *change)
{
    for (const struct list_node *node = change->node.next; node != &disk->name_changes.head;
         node = node->next) {
        const struct name_change *later = container_of(node, struct name_change, node);
        if (later->keep && change_rests_on(disk->order, later, change))
            return true;
    }
    return false;
}

/* Whether this change rests on an earlier one that was lost. */
static bool change_is_cut_off(const struct disk *disk, const struct name_change *change)
{
    for (const struct list_node *node = change->node.prev; node != &disk->name_changes.head;
         node = node->prev) {
        const struct name_change *earlier = container_of(node, struct name_change, node);
        if (!earlier->keep && change_rests_on(disk->order, change, earlier))
            return true;
    }
    return false;
}

static void changes_make_durable(struct disk *disk)
{
    struct name_change *change;
    struct name_change *following;
    list_for_each_entry_safe (change, following, &disk->name_changes, node)
        if (change->keep)
            change_make_durable(disk, change);
}

void disk_change_name(struct disk *disk, struct inode *directory, const char *name,
                      struct inode *target)
{
    (void)change_add(disk, directory, name, target);
}

void disk_change_two_names(struct disk *disk, struct inode *from_directory, const char *from,
                           struct inode *to_directory, const char *to, struct inode *moved)
{
    assert(moved != NULL);
    if (disk->order == DISK_UNORDERED && from_directory != to_directory && !moved->is_directory) {
        disk_change_name(disk, to_directory, to, moved);
        disk_change_name(disk, from_directory, from, NULL);
        return;
    }
    struct name_change *change = change_add(disk, to_directory, to, moved);
    change->links[1] = link_make(from_directory, from, NULL);
    disk_name_set(disk, &from_directory->current, from, NULL);
}

/* The newest change is looked at first: what it needs to have happened before is older. */
void disk_changes_sync(struct disk *disk, const struct inode *directory, uint64_t mark)
{
    assert(directory->is_directory);
    assert(mark <= disk->name_change_count);
    for (struct list_node *node = disk->name_changes.head.prev; node != &disk->name_changes.head;
         node = node->prev) {
        struct name_change *change = container_of(node, struct name_change, node);
        bool asked_for = change->number <= mark && change_touches(change, directory);
        change->keep = asked_for || change_is_needed(disk, change);
    }
    changes_make_durable(disk);
}

void disk_changes_sync_all(struct disk *disk)
{
    struct name_change *change;
    list_for_each_entry (change, &disk->name_changes, node)
        change->keep = true;
    changes_make_durable(disk);
    assert(list_is_empty(&disk->name_changes));
}

void disk_changes_drop(struct disk *disk)
{
    struct name_change *change;
    struct name_change *following;
    list_for_each_entry_safe (change, following, &disk->name_changes, node)
        change_destroy(disk, change);
}

/* The chance that a change is lost, and with it all that rest on it, is drawn once. */
void disk_changes_power_cut(struct disk *disk, struct prng *prng)
{
    static const uint32_t chances[] = {0, 16, 128, CHANCE_WHOLE};
    uint32_t chance = chances[prng_below(prng, sizeof chances / sizeof chances[0])];
    struct name_change *change;
    list_for_each_entry (change, &disk->name_changes, node)
        change->keep = !change_is_cut_off(disk, change) && !prng_chance(prng, chance, CHANCE_WHOLE);
    changes_make_durable(disk);
    disk_changes_drop(disk);
}
