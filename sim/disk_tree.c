/* The tree of a simulated disk: inodes, paths to them, and what programs do with them. */
#include "sim/disk_changes.h"

#include "base/assert.h"
#include "io/io.h"
#include "sim/memory.h"

enum { PATH_PART_SIZE_MAX = 256 };

/* --- Inodes ----------------------------------------------------------------------------------- */

static uint64_t pages_of(uint64_t size_bytes)
{
    return (size_bytes + SPARSE_PAGE_SIZE - 1) / SPARSE_PAGE_SIZE;
}

static uint64_t space_of(const struct inode *inode)
{
    return inode->is_directory ? 0 : pages_of(inode->file.current_size_bytes) * SPARSE_PAGE_SIZE;
}

static struct inode *inode_create(struct disk *disk, bool is_directory, uint32_t device)
{
    struct inode *inode = must_allocate(1, sizeof *inode);
    inode->is_directory = is_directory;
    inode->device = device;
    file_init(&inode->file);
    list_push_back(&disk->inodes, &inode->node);
    return inode;
}

struct inode *disk_hold(struct inode *inode)
{
    if (inode != NULL)
        inode->references++;
    return inode;
}

static void names_release(struct disk *disk, struct disk_names *table)
{
    for (size_t i = 0; i < table->count; i++)
        disk_release(disk, table->names[i].target);
    disk_names_deinit(table);
}

void disk_release(struct disk *disk, struct inode *inode)
{
    if (inode == NULL)
        return;
    assert(inode->references > 0);
    if (--inode->references > 0)
        return;
    assert(disk->used_bytes >= space_of(inode));
    disk->used_bytes -= space_of(inode);
    names_release(disk, &inode->current);
    names_release(disk, &inode->durable);
    file_deinit(&inode->file);
    list_remove(&inode->node);
    free(inode);
}

/* --- Paths ------------------------------------------------------------------------------------ */

/* Walks to the directory that holds the last part of the path, and copies that part. */
static enum status path_resolve(const struct disk *disk, const char *path, struct inode **directory,
                                char part[static PATH_PART_SIZE_MAX])
{
    struct inode *here = disk->root;
    part[0] = '\0';
    if (path[0] == '\0')
        return STATUS_NOT_FOUND;
    for (;;) {
        path += strspn(path, "/");
        size_t size = strcspn(path, "/");
        if (size == 0)
            break;
        if (size >= PATH_PART_SIZE_MAX)
            return STATUS_TOO_LARGE;
        if (part[0] != '\0')
            here = disk_names_find(&here->current, part);
        if (here == NULL || !here->is_directory)
            return STATUS_NOT_FOUND;
        memcpy(part, path, size);
        part[size] = '\0';
        path += size;
    }
    *directory = here;
    return STATUS_OK;
}

/* What the path stands for; NULL, with STATUS_OK, when only its last part is missing. */
static enum status path_find(const struct disk *disk, const char *path, struct inode **directory,
                             char part[static PATH_PART_SIZE_MAX], struct inode **target)
{
    enum status status = path_resolve(disk, path, directory, part);
    if (status != STATUS_OK)
        return status;
    *target = part[0] == '\0' ? disk->root : disk_names_find(&(*directory)->current, part);
    return STATUS_OK;
}

static enum status path_find_directory(const struct disk *disk, const char *path,
                                       struct inode **found)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *parent;
    enum status status = path_find(disk, path, &parent, part, found);
    if (status != STATUS_OK)
        return status;
    if (*found == NULL)
        return STATUS_NOT_FOUND;
    return (*found)->is_directory ? STATUS_OK : STATUS_INVALID;
}

/* --- The disk --------------------------------------------------------------------------------- */

/* Everything is durable at once. */
static void disk_settle(struct disk *disk)
{
    disk_changes_sync_all(disk);
    struct inode *inode;
    list_for_each_entry (inode, &disk->inodes, node)
        file_sync(&inode->file, file_sync_mark(&inode->file));
}

void disk_init(struct disk *disk)
{
    *disk = (struct disk){0};
    list_init(&disk->inodes);
    list_init(&disk->name_changes);
    disk->root = disk_hold(inode_create(disk, true, 0));
    enum status status = disk_make_directory(disk, "/data");
    assert(status == STATUS_OK);
    disk_settle(disk);
}

void disk_deinit(struct disk *disk)
{
    disk_changes_drop(disk);
    disk_release(disk, disk->root);
    assert(list_is_empty(&disk->inodes));
}

/* --- Files ------------------------------------------------------------------------------------ */

/* The file becomes `size_bytes` long, if there is room for it. */
static enum status disk_reserve(struct disk *disk, struct inode *inode, uint64_t size_bytes)
{
    assert(disk->used_bytes >= space_of(inode));
    uint64_t pages = pages_of(size_bytes);
    uint64_t pages_now = pages_of(inode->file.current_size_bytes);
    if (pages > pages_now && (pages - pages_now) * SPARSE_PAGE_SIZE > disk_free_bytes(disk))
        return STATUS_NO_SPACE;
    disk->used_bytes += (pages - pages_now) * SPARSE_PAGE_SIZE;
    return STATUS_OK;
}

enum status disk_open(struct disk *disk, const char *path, uint32_t open_flags, struct inode **file)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *directory;
    struct inode *found;
    enum status status = path_find(disk, path, &directory, part, &found);
    if (status != STATUS_OK)
        return status;
    if (found == NULL && !(open_flags & IO_OPEN_CREATE))
        return STATUS_NOT_FOUND;
    if (found != NULL && (open_flags & IO_OPEN_CREATE) && (open_flags & IO_OPEN_EXCLUSIVE))
        return STATUS_EXISTS;
    if (found != NULL && found->is_directory)
        return STATUS_INVALID;
    if (found == NULL) {
        found = inode_create(disk, false, directory->device);
        disk_change_name(disk, directory, part, found);
    } else if (open_flags & IO_OPEN_TRUNCATE) {
        disk_truncate(disk, found, 0);
    }
    *file = disk_hold(found);
    return STATUS_OK;
}

enum status disk_write(struct disk *disk, struct inode *inode, uint64_t offset, const uint8_t *data,
                       size_t size)
{
    assert(!inode->is_directory);
    if (offset + size > inode->file.current_size_bytes) {
        enum status status = disk_reserve(disk, inode, offset + size);
        if (status != STATUS_OK)
            return status;
    }
    file_write(&inode->file, offset, data, size);
    return STATUS_OK;
}

enum status disk_allocate(struct disk *disk, struct inode *inode, uint64_t offset, uint64_t size)
{
    assert(!inode->is_directory);
    if (offset + size <= inode->file.current_size_bytes)
        return STATUS_OK;
    return disk_truncate(disk, inode, offset + size);
}

enum status disk_truncate(struct disk *disk, struct inode *inode, uint64_t size)
{
    assert(!inode->is_directory);
    enum status status = disk_reserve(disk, inode, size);
    if (status == STATUS_OK && size != inode->file.current_size_bytes)
        file_resize(&inode->file, size);
    return status;
}

/* --- Names ------------------------------------------------------------------------------------ */

/* Whether `inner` is `outer` or lies somewhere below it. */
static bool lies_within(const struct inode *inner, const struct inode *outer)
{
    if (inner == outer)
        return true;
    for (size_t i = 0; i < outer->current.count; i++)
        if (lies_within(inner, outer->current.names[i].target))
            return true;
    return false;
}

/* Whether a rename may put `moved` where `there` (or nothing) is now. */
static enum status rename_check(const struct inode *moved, const struct inode *there,
                                const struct inode *to_directory)
{
    if (moved == NULL)
        return STATUS_NOT_FOUND;
    if (moved->device != to_directory->device)
        return STATUS_INVALID; /* EXDEV */
    if (moved->is_directory && lies_within(to_directory, moved))
        return STATUS_INVALID;
    if (there == NULL)
        return STATUS_OK;
    if (moved->is_directory != there->is_directory)
        return STATUS_INVALID;
    return there->current.count > 0 ? STATUS_EXISTS : STATUS_OK;
}

enum status disk_rename(struct disk *disk, const char *from, const char *to)
{
    char from_part[PATH_PART_SIZE_MAX];
    char to_part[PATH_PART_SIZE_MAX];
    struct inode *from_directory;
    struct inode *to_directory;
    struct inode *moved;
    struct inode *there;
    enum status status = path_find(disk, from, &from_directory, from_part, &moved);
    if (status == STATUS_OK)
        status = path_find(disk, to, &to_directory, to_part, &there);
    if (status == STATUS_OK)
        status = rename_check(moved, there, to_directory);
    if (status != STATUS_OK || moved == there)
        return status;

    disk_change_two_names(disk, from_directory, from_part, to_directory, to_part, moved);
    return STATUS_OK;
}

enum status disk_unlink(struct disk *disk, const char *path)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *directory;
    struct inode *found;
    enum status status = path_find(disk, path, &directory, part, &found);
    if (status != STATUS_OK)
        return status;
    if (found == NULL)
        return STATUS_NOT_FOUND;
    if (found->is_directory)
        return STATUS_INVALID;
    disk_change_name(disk, directory, part, NULL);
    return STATUS_OK;
}

enum status disk_make_directory(struct disk *disk, const char *path)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *directory;
    struct inode *found;
    enum status status = path_find(disk, path, &directory, part, &found);
    if (status != STATUS_OK)
        return status;
    if (found != NULL)
        return STATUS_EXISTS;
    disk_change_name(disk, directory, part, inode_create(disk, true, directory->device));
    return STATUS_OK;
}

enum status disk_remove_directory(struct disk *disk, const char *path)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *directory;
    struct inode *found;
    enum status status = path_find(disk, path, &directory, part, &found);
    if (status != STATUS_OK)
        return status;
    if (found == NULL)
        return STATUS_NOT_FOUND;
    if (!found->is_directory || found == disk->root)
        return STATUS_INVALID;
    if (found->current.count > 0)
        return STATUS_EXISTS;
    disk_change_name(disk, directory, part, NULL);
    return STATUS_OK;
}

enum status disk_list(const struct disk *disk, const char *path, struct arena *arena,
                      struct io_entry **entries, uint32_t *entry_count)
{
    struct inode *directory;
    enum status status = path_find_directory(disk, path, &directory);
    if (status != STATUS_OK)
        return status;
    const struct disk_names *table = &directory->current;
    *entries = arena_allocate_array(arena, table->count, sizeof **entries);
    if (*entries == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < table->count; i++) {
        const struct name *name = &table->names[i];
        (*entries)[i].name = arena_copy_text(arena, name->text, strlen(name->text));
        (*entries)[i].is_directory = name->target->is_directory;
        if ((*entries)[i].name == NULL)
            return STATUS_NO_MEMORY;
    }
    *entry_count = (uint32_t)table->count;
    return STATUS_OK;
}

/* --- Devices ---------------------------------------------------------------------------------- */

void disk_mount(struct disk *disk, const char *path)
{
    struct inode *directory;
    assert(disk->device_count + 1 < DISK_DEVICE_COUNT_MAX);
    enum status status = disk_make_directory(disk, path);
    assert(status == STATUS_OK);
    status = path_find_directory(disk, path, &directory);
    assert(status == STATUS_OK);
    directory->device = ++disk->device_count;
    disk_settle(disk);
}

/* That of what the path stands for, or of what is there of it. */
static uint32_t device_at(const struct disk *disk, const char *path)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *directory;
    struct inode *target = NULL;
    if (path_find(disk, path, &directory, part, &target) != STATUS_OK)
        return 0;
    return target == NULL ? directory->device : target->device;
}

void disk_break(struct disk *disk, const char *path, bool is_broken)
{
    uint32_t bit = 1u << device_at(disk, path);
    disk->broken_devices = is_broken ? disk->broken_devices | bit : disk->broken_devices & ~bit;
}

bool disk_is_broken_at(const struct disk *disk, const char *path)
{
    return (disk->broken_devices & 1u << device_at(disk, path)) != 0;
}

/* --- What becomes durable --------------------------------------------------------------------- */

enum status disk_sync_directory(struct disk *disk, const char *path, uint64_t mark)
{
    assert(mark <= disk->name_change_count);
    struct inode *directory;
    enum status status = path_find_directory(disk, path, &directory);
    if (status != STATUS_OK)
        return status;
    disk_changes_sync(disk, directory, mark);
    return STATUS_OK;
}

uint64_t disk_free_bytes(const struct disk *disk)
{
    uint64_t capacity_bytes = disk->capacity_bytes == 0 ? INT64_MAX : disk->capacity_bytes;
    return capacity_bytes > disk->used_bytes ? capacity_bytes - disk->used_bytes : 0;
}

enum status disk_free_space(const struct disk *disk, const char *path, uint64_t *free_bytes)
{
    char part[PATH_PART_SIZE_MAX];
    struct inode *directory;
    struct inode *found;
    enum status status = path_find(disk, path, &directory, part, &found);
    *free_bytes = disk_free_bytes(disk);
    return status == STATUS_OK && found == NULL ? STATUS_NOT_FOUND : status;
}

/* The directory is again what the medium says. What it named stays alive until the end, because
 * the durable names of another directory may be all that will hold it. */
static void directory_reread(struct disk *disk, struct inode *directory)
{
    assert(directory->is_directory);
    struct disk_names forgotten = directory->current;
    directory->current = (struct disk_names){0};
    for (size_t i = 0; i < directory->durable.count; i++) {
        const struct name *name = &directory->durable.names[i];
        disk_name_set(disk, &directory->current, name->text, name->target);
    }
    names_release(disk, &forgotten);
}

static void disk_count_used(struct disk *disk)
{
    disk->used_bytes = 0;
    const struct inode *inode;
    list_for_each_entry (inode, &disk->inodes, node)
        disk->used_bytes += space_of(inode);
}

/* Lists the directories first and holds them: rereading one may end the life of another. */
static void directories_reread(struct disk *disk)
{
    size_t count = 0;
    struct inode *inode;
    list_for_each_entry (inode, &disk->inodes, node)
        count += inode->is_directory;
    struct inode **directories = must_allocate(count, sizeof directories[0]);
    size_t index = 0;
    list_for_each_entry (inode, &disk->inodes, node)
        if (inode->is_directory)
            directories[index++] = disk_hold(inode);
    for (index = 0; index < count; index++)
        directory_reread(disk, directories[index]);
    for (index = 0; index < count; index++)
        disk_release(disk, directories[index]);
    free(directories);
}

void disk_power_cut(struct disk *disk, struct prng *prng)
{
    disk_changes_power_cut(disk, prng);
    directories_reread(disk);
    struct inode *inode;
    list_for_each_entry (inode, &disk->inodes, node)
        file_power_cut(&inode->file, prng);
    disk_count_used(disk);
}

void disk_evict(struct disk *disk, struct inode *inode)
{
    assert(!inode->is_directory);
    file_evict(&inode->file);
    disk_count_used(disk);
}

void disk_wipe(struct disk *disk)
{
    uint64_t capacity_bytes = disk->capacity_bytes;
    enum disk_order order = disk->order;
    disk_deinit(disk);
    disk_init(disk);
    disk->capacity_bytes = capacity_bytes;
    disk->order = order;
}

bool disk_rot(struct disk *disk, struct prng *prng)
{
    uint64_t total_bytes = 0;
    struct inode *inode;
    list_for_each_entry (inode, &disk->inodes, node)
        total_bytes += inode->file.durable_size_bytes;
    if (total_bytes == 0)
        return false;
    uint64_t offset = prng_below(prng, total_bytes);
    list_for_each_entry (inode, &disk->inodes, node) {
        if (offset < inode->file.durable_size_bytes)
            break;
        offset -= inode->file.durable_size_bytes;
    }
    file_flip_bit(&inode->file, offset, (uint32_t)prng_below(prng, 8));
    return true;
}
