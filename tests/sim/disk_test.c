/* The fault model of the simulated disk, as stories: what was asked for, what the power cut may
 * have left. Each story runs with many seeds; it names every outcome that is allowed and demands
 * that each of them really turns up. */
#include "io/io.h"
#include "sim/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEED_COUNT = 2000, OUTCOME_COUNT_MAX = 16 };

/* --- Small words for the stories -------------------------------------------------------------- */

static struct inode *open_file(struct disk *disk, const char *path)
{
    struct inode *file;
    assert_int_equal(disk_open(disk, path, IO_OPEN_CREATE, &file), STATUS_OK);
    return file;
}

/* Fills one sector with a letter. */
static void write_sector(struct disk *disk, struct inode *file, uint64_t sector, char letter)
{
    uint8_t data[SECTOR_SIZE];
    memset(data, letter, sizeof data);
    assert_int_equal(disk_write(disk, file, sector * SECTOR_SIZE, data, sizeof data), STATUS_OK);
}

static void write_sectors(struct disk *disk, struct inode *file, uint64_t count, char letter)
{
    for (uint64_t i = 0; i < count; i++)
        write_sector(disk, file, i, letter);
}

static void sync_file(struct inode *file)
{
    file_sync(&file->file, file_sync_mark(&file->file));
}

static void sync_names(struct disk *disk, const char *path)
{
    assert_int_equal(disk_sync_directory(disk, path, disk_name_mark(disk)), STATUS_OK);
}

/* One character for each sector: its letter, '.' for zeros, '~' for torn; "absent" without file. */
static void describe(struct disk *disk, const char *path, char text[static 64])
{
    struct inode *file;
    if (disk_open(disk, path, IO_OPEN_READ_ONLY, &file) != STATUS_OK) {
        memcpy(text, "absent", sizeof "absent");
        return;
    }
    size_t size;
    uint8_t data[SECTOR_SIZE];
    for (uint64_t i = 0; (size = file_read(&file->file, i * SECTOR_SIZE, data, sizeof data)) > 0;
         i++) {
        bool is_even = size == SECTOR_SIZE && memcmp(data, data + 1, sizeof data - 1) == 0;
        *text++ = !is_even ? '~' : data[0] == 0 ? '.' : (char)data[0];
    }
    *text = '\0';
    disk_release(disk, file);
}

/* Tells one story to a fresh disk; the power goes when it returns. */
typedef void story(struct disk *disk);

static size_t outcome_index(const char *const *allowed, const char *text)
{
    for (size_t i = 0; allowed[i] != NULL; i++)
        if (strcmp(allowed[i], text) == 0)
            return i;
    fail_msg("the power cut left \"%s\", which cannot be", text);
    return 0;
}

/* Where no order is spoken of, a disk with one and a disk without are the same. */
static void init_one_of_both(struct disk *disk, uint64_t seed)
{
    disk_init(disk);
    disk->order = seed % 2 == 0 ? DISK_ORDERED : DISK_UNORDERED;
}

static void outcome_of(story *tell, uint64_t seed, char text[static 64])
{
    struct prng prng;
    prng_init(&prng, seed);
    struct disk disk;
    init_one_of_both(&disk, seed);
    tell(&disk);
    disk_power_cut(&disk, &prng);
    describe(&disk, "/data/log", text);
    disk_deinit(&disk);
}

/* `allowed` ends with NULL. A torn sector counts as one that is neither here nor there, and is
 * allowed only where the list says so with '~'. */
static void check_outcomes(story *tell, const char *const *allowed)
{
    uint32_t seen[OUTCOME_COUNT_MAX] = {0};
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        char text[64];
        outcome_of(tell, seed, text);
        seen[outcome_index(allowed, text)]++;
    }
    for (size_t i = 0; allowed[i] != NULL; i++)
        if (seen[i] == 0)
            fail_msg("\"%s\" never turned up", allowed[i]);
}

/* --- Contents --------------------------------------------------------------------------------- */

static struct inode *durable_log(struct disk *disk, uint64_t sector_count)
{
    struct inode *file = open_file(disk, "/data/log");
    if (sector_count > 0)
        write_sectors(disk, file, sector_count, 'o');
    sync_file(file);
    sync_names(disk, "/data");
    return file;
}

static void tell_written_and_synced(struct disk *disk)
{
    struct inode *file = durable_log(disk, 3);
    write_sectors(disk, file, 3, 'a');
    sync_file(file);
    disk_release(disk, file);
}

static void test_synced_data_survives(void **state)
{
    /* What was complete before a sync is there after any power cut. */
    check_outcomes(tell_written_and_synced, (const char *const[]){"aaa", NULL});
}

static void tell_two_writes_then_sync_then_one(struct disk *disk)
{
    struct inode *file = durable_log(disk, 3);
    write_sector(disk, file, 0, 'a');
    write_sector(disk, file, 1, 'b');
    sync_file(file);
    write_sector(disk, file, 2, 'c');
    disk_release(disk, file);
}

static void test_unsynced_write_is_kept_lost_or_torn(void **state)
{
    /* A write after the last sync is there, or not, or half; what the sync covered is whole. */
    check_outcomes(tell_two_writes_then_sync_then_one,
                   (const char *const[]){"abo", "abc", "ab~", NULL});
}

static void tell_two_unsynced_writes(struct disk *disk)
{
    struct inode *file = durable_log(disk, 2);
    uint8_t data[2 * SECTOR_SIZE];
    memset(data, 'a', SECTOR_SIZE);
    memset(data + SECTOR_SIZE, 'b', SECTOR_SIZE);
    disk_write(disk, file, 0, data, sizeof data);
    disk_release(disk, file);
}

static void test_sectors_of_one_write_are_independent(void **state)
{
    /* Of one write the second half may arrive without the first; only its last sector tears. */
    check_outcomes(tell_two_unsynced_writes,
                   (const char *const[]){"oo", "ab", "ao", "ob", "a~", "o~", NULL});
}

static void tell_growth(struct disk *disk)
{
    struct inode *file = durable_log(disk, 0);
    write_sector(disk, file, 0, 'a');
    write_sector(disk, file, 1, 'b');
    disk_release(disk, file);
}

static void test_size_and_data_are_independent(void **state)
{
    /* A file that grew has any earlier size, and zeros where the size arrived without the data. */
    check_outcomes(tell_growth, (const char *const[]){"", "a", ".", "~", "ab", "a.", ".b", "..",
                                                      "a~", ".~", "~b", "~.", "~~", NULL});
}

static void tell_versions(struct disk *disk)
{
    struct inode *file = durable_log(disk, 1);
    uint8_t data[SECTOR_SIZE];
    memset(data, 'a', sizeof data);
    disk_write(disk, file, 0, data, sizeof data);
    memset(data, 'b', sizeof data);
    disk_write(disk, file, 0, data, sizeof data);
    disk_release(disk, file);
}

static void test_any_version_of_a_sector_may_be_left(void **state)
{
    /* Of a sector that was written twice, the old, the first or the second version is left. */
    check_outcomes(tell_versions, (const char *const[]){"o", "a", "b", "~", NULL});
}

static void tell_cut_and_rewritten(struct disk *disk)
{
    struct inode *file = durable_log(disk, 2);
    disk_truncate(disk, file, 0);
    write_sector(disk, file, 0, 'n');
    disk_release(disk, file);
}

static void test_data_after_a_lost_cut_is_lost(void **state)
{
    /* When the cut of a file did not hold, nothing that was written after it is there either. */
    check_outcomes(tell_cut_and_rewritten, (const char *const[]){"oo", "", "n", ".", "~", NULL});
}

static void tell_sync_covers_only_what_was_complete(struct disk *disk)
{
    struct inode *file = durable_log(disk, 2);
    write_sector(disk, file, 0, 'a');
    uint64_t mark = file_sync_mark(&file->file);
    write_sector(disk, file, 1, 'b');
    file_sync(&file->file, mark);
    disk_release(disk, file);
}

static void test_sync_covers_what_was_complete_when_it_was_asked_for(void **state)
{
    /* A write that completes while a sync is under way is not covered by it. */
    check_outcomes(tell_sync_covers_only_what_was_complete,
                   (const char *const[]){"ab", "ao", "a~", NULL});
}

static void tell_failed_sync(struct disk *disk)
{
    struct inode *file = durable_log(disk, 1);
    write_sector(disk, file, 0, 'a');
    file_sync_failed(&file->file, file_sync_mark(&file->file));
    sync_file(file); /* says that all is well, as Linux does */
    uint8_t data[SECTOR_SIZE];
    assert_int_equal(file_read(&file->file, 0, data, sizeof data), SECTOR_SIZE);
    assert_int_equal(data[0], 'a');
    disk_release(disk, file);
}

static void test_failed_sync_loses_what_still_reads_back(void **state)
{
    /* After a failed sync the data reads back, a second sync answers well, and it is lost. */
    check_outcomes(tell_failed_sync, (const char *const[]){"o", NULL});
}

static void test_eviction_shows_what_a_failed_sync_lost(void **state)
{
    /* Once the cache is evicted, a reader sees that the data of a failed sync is gone. */
    struct disk disk;
    disk_init(&disk);
    struct inode *file = durable_log(&disk, 2);
    write_sector(&disk, file, 0, 'a');
    file_sync_failed(&file->file, file_sync_mark(&file->file));
    write_sector(&disk, file, 1, 'b');
    disk_evict(&disk, file);
    char text[64];
    describe(&disk, "/data/log", text);
    assert_string_equal(text, "ob");
    disk_release(&disk, file);
    disk_deinit(&disk);
}

static void test_torn_write_mixes_old_and_new_sectors(void **state)
{
    /* A write that dies under way leaves each of its sectors old or new. */
    uint32_t new_count = 0;
    uint32_t old_count = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        disk_init(&disk);
        struct inode *file = durable_log(&disk, 4);
        uint8_t data[4 * SECTOR_SIZE];
        memset(data, 'n', sizeof data);
        file_write_torn(&file->file, 0, data, sizeof data, &prng);
        char text[64];
        describe(&disk, "/data/log", text);
        assert_int_equal(strspn(text, "on"), 4);
        new_count += strchr(text, 'n') != NULL;
        old_count += strchr(text, 'o') != NULL;
        disk_release(&disk, file);
        disk_deinit(&disk);
    }
    assert_true(new_count > 20);
    assert_true(old_count > 20);
}

static void test_large_zeroed_file_costs_no_memory(void **state)
{
    /* A journal file of 64 MiB of zeros, written and synced, holds no page of memory. */
    struct disk disk;
    disk_init(&disk);
    struct inode *file = open_file(&disk, "/data/journal");
    static const uint8_t zeros[1 << 20];
    for (uint64_t i = 0; i < 64; i++)
        assert_int_equal(disk_write(&disk, file, i * sizeof zeros, zeros, sizeof zeros), STATUS_OK);
    sync_file(file);
    assert_int_equal(file->file.durable_size_bytes, 64 << 20);
    assert_int_equal(file->file.current.page_count, 0);
    assert_int_equal(file->file.durable.page_count, 0);
    disk_release(&disk, file);
    disk_deinit(&disk);
}

/* --- Names ------------------------------------------------------------------------------------ */

static void tell_created_and_synced_but_not_its_name(struct disk *disk)
{
    struct inode *file = open_file(disk, "/data/log");
    write_sector(disk, file, 0, 'a');
    sync_file(file);
    disk_release(disk, file);
}

static void test_name_needs_the_sync_of_its_directory(void **state)
{
    /* A synced file whose directory was not synced may vanish; if it is there, it is whole. */
    check_outcomes(tell_created_and_synced_but_not_its_name,
                   (const char *const[]){"absent", "a", NULL});
}

static void tell_replaced_by_rename(struct disk *disk)
{
    disk_release(disk, durable_log(disk, 1));
    struct inode *file = open_file(disk, "/data/log.tmp");
    write_sector(disk, file, 0, 'n');
    sync_file(file);
    disk_rename(disk, "/data/log.tmp", "/data/log");
    disk_release(disk, file);
}

static void test_rename_is_all_or_nothing(void **state)
{
    /* A rename over a file leaves the old or the new one, never none, never a mixture. */
    check_outcomes(tell_replaced_by_rename, (const char *const[]){"o", "n", NULL});
}

static void tell_replaced_and_directory_synced(struct disk *disk)
{
    tell_replaced_by_rename(disk);
    sync_names(disk, "/data");
}

static void test_rename_holds_after_the_sync_of_the_directory(void **state)
{
    /* After the sync of its directory a rename cannot vanish. */
    check_outcomes(tell_replaced_and_directory_synced, (const char *const[]){"n", NULL});
}

static void tell_unlinked(struct disk *disk)
{
    disk_release(disk, durable_log(disk, 1));
    disk_unlink(disk, "/data/log");
}

static void test_unlinked_file_may_come_back(void **state)
{
    /* An unlink without sync of the directory may be undone, contents and all. */
    check_outcomes(tell_unlinked, (const char *const[]){"o", "absent", NULL});
}

static void tell_moved_between_directories(struct disk *disk)
{
    disk_make_directory(disk, "/data/pool");
    struct inode *file = open_file(disk, "/data/pool/1");
    write_sector(disk, file, 0, 'p');
    sync_file(file);
    sync_names(disk, "/data/pool");
    sync_names(disk, "/data");
    disk_rename(disk, "/data/pool/1", "/data/log");
    disk_release(disk, file);
}

/* Under which of its two names the file is found, with what was in it. */
static uint32_t names_of_moved(enum disk_order order, uint64_t seed, void (*sync)(struct disk *))
{
    struct prng prng;
    prng_init(&prng, seed);
    struct disk disk;
    disk_init(&disk);
    disk.order = order;
    tell_moved_between_directories(&disk);
    if (sync != NULL)
        sync(&disk);
    disk_power_cut(&disk, &prng);
    static const char *const names[] = {"/data/log", "/data/pool/1"};
    uint32_t found = 0;
    for (uint32_t i = 0; i < 2; i++) {
        char text[64];
        describe(&disk, names[i], text);
        assert_true(strcmp(text, "p") == 0 || strcmp(text, "absent") == 0);
        found |= strcmp(text, "p") == 0 ? 1u << i : 0;
    }
    disk_deinit(&disk);
    return found;
}

static uint32_t all_names_of_moved(enum disk_order order, void (*sync)(struct disk *))
{
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < 200; seed++)
        seen |= 1u << names_of_moved(order, seed, sync);
    return seen;
}

static void sync_here(struct disk *disk)
{
    sync_names(disk, "/data");
}

static void sync_there(struct disk *disk)
{
    sync_names(disk, "/data/pool");
}

static void sync_both(struct disk *disk)
{
    sync_here(disk);
    sync_there(disk);
}

static void test_move_between_directories_is_one_change(void **state)
{
    /* A file that moves between two directories is in exactly one of them after a power cut, if the
     * disk keeps an order. Otherwise it may be in both, or in none, and each directory needs a sync
     * of its own. */
    enum { NONE = 1 << 0, HERE = 1 << 1, THERE = 1 << 2, BOTH = 1 << 3 };
    assert_int_equal(all_names_of_moved(DISK_ORDERED, NULL), HERE | THERE);
    assert_int_equal(all_names_of_moved(DISK_ORDERED, sync_here), HERE);
    assert_int_equal(all_names_of_moved(DISK_ORDERED, sync_there), HERE);
    assert_int_equal(all_names_of_moved(DISK_UNORDERED, NULL), NONE | HERE | THERE | BOTH);
    assert_int_equal(all_names_of_moved(DISK_UNORDERED, sync_here), HERE | BOTH);
    assert_int_equal(all_names_of_moved(DISK_UNORDERED, sync_there), HERE | NONE);
    assert_int_equal(all_names_of_moved(DISK_UNORDERED, sync_both), HERE);
}

static void test_synced_move_takes_its_past_with_it(void **state)
{
    /* When a move is durable on a disk that keeps an order, so is what had to happen before it in
     * the other directory. */
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        disk_init(&disk);
        disk_make_directory(&disk, "/data/pool");
        sync_names(&disk, "/data");
        disk_release(&disk, open_file(&disk, "/data/pool/1"));
        disk_rename(&disk, "/data/pool/1", "/data/log");
        sync_names(&disk, "/data");
        disk_power_cut(&disk, &prng);
        char text[64];
        describe(&disk, "/data/pool/1", text);
        assert_string_equal(text, "absent");
        describe(&disk, "/data/log", text);
        assert_string_equal(text, "");
        disk_deinit(&disk);
    }
}

static void tell_synced_in_a_new_directory(struct disk *disk)
{
    disk_make_directory(disk, "/data/topic");
    struct inode *file = open_file(disk, "/data/topic/log");
    write_sector(disk, file, 0, 'a');
    sync_file(file);
    sync_names(disk, "/data/topic");
    disk_release(disk, file);
}

static void test_new_directory_needs_the_sync_of_its_parent(void **state)
{
    /* Syncing a new directory does not make its own name durable. */
    uint32_t absent_count = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        init_one_of_both(&disk, seed);
        tell_synced_in_a_new_directory(&disk);
        disk_power_cut(&disk, &prng);
        char text[64];
        describe(&disk, "/data/topic/log", text);
        absent_count += strcmp(text, "absent") == 0;
        if (strcmp(text, "absent") != 0)
            assert_string_equal(text, "a");
        disk_deinit(&disk);
    }
    assert_in_range(absent_count, 20, 180);
}

/* Tells of some names that were given, in a directory that was not synced, one after the other, and
 * cuts the power: bit i says that the name i is there. */
static uint32_t names_left(enum disk_order order, uint64_t seed)
{
    static const char *const names[] = {"/data/1", "/data/2", "/data/3"};
    uint32_t left = 0;
    struct prng prng;
    prng_init(&prng, seed);
    struct disk disk;
    disk_init(&disk);
    disk.order = order;
    for (int i = 0; i < 3; i++)
        disk_release(&disk, open_file(&disk, names[i]));
    disk_power_cut(&disk, &prng);
    for (int i = 0; i < 3; i++) {
        char text[64];
        describe(&disk, names[i], text);
        left |= (uint32_t)(strcmp(text, "absent") != 0) << i;
    }
    disk_deinit(&disk);
    return left;
}

/* A set of what was left with one seed or another. */
static uint32_t all_names_left(enum disk_order order)
{
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < 500; seed++)
        seen |= 1u << names_left(order, seed);
    return seen;
}

static void test_changes_of_an_ordered_directory_hold_in_order(void **state)
{
    /* Of the names made one after the other in a directory, a prefix is left. */
    assert_int_equal(all_names_left(DISK_ORDERED), 1 << 0 | 1 << 1 | 1 << 3 | 1 << 7);
}

static void test_changes_of_an_unordered_directory_hold_each_for_itself(void **state)
{
    /* On a disk without order, any of them are left. */
    assert_int_equal(all_names_left(DISK_UNORDERED), 0xff);
}

/* How a file is replaced by one of another name, if somebody saves a sync. */
static void tell_replaced_by_another_name(struct disk *disk)
{
    disk->order = DISK_UNORDERED;
    disk_release(disk, durable_log(disk, 1));
    struct inode *file = open_file(disk, "/data/log.2");
    write_sector(disk, file, 0, 'n');
    sync_file(file);
    disk_release(disk, file);
    disk_unlink(disk, "/data/log");
}

static void test_removal_may_hold_without_what_came_before_it(void **state)
{
    /* A file that goes before its successor's name is durable may leave neither of them. */
    bool seen[2][2] = {{false}};
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        disk_init(&disk);
        tell_replaced_by_another_name(&disk);
        disk_power_cut(&disk, &prng);
        char former[64];
        char successor[64];
        describe(&disk, "/data/log", former);
        describe(&disk, "/data/log.2", successor);
        seen[strcmp(former, "o") == 0][strcmp(successor, "n") == 0] = true;
        disk_deinit(&disk);
    }
    assert_true(seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]);
}

static void test_file_that_moves_on_has_one_name_at_most(void **state)
{
    /* Also without order, a file that was made and renamed twice has one of its names, or none. */
    static const char *const names[] = {"/data/1", "/data/2", "/data/3"};
    bool seen[4] = {false};
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        disk_init(&disk);
        disk.order = DISK_UNORDERED;
        disk_release(&disk, open_file(&disk, names[0]));
        disk_rename(&disk, names[0], names[1]);
        disk_rename(&disk, names[1], names[2]);
        disk_power_cut(&disk, &prng);
        int where = 3;
        for (int i = 0; i < 3; i++) {
            char text[64];
            describe(&disk, names[i], text);
            assert_true(strcmp(text, "absent") == 0 || where == 3);
            where = strcmp(text, "absent") == 0 ? where : i;
        }
        seen[where] = true;
        disk_deinit(&disk);
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[3]);
}

static void test_sync_of_an_unordered_directory_covers_all_of_it(void **state)
{
    /* What was complete in a directory is there after its sync; what merely came before it
     * elsewhere may be there or not, and so may the other half of a move. */
    bool seen[2] = {false};
    bool seen_half[2] = {false};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        disk_init(&disk);
        disk.order = DISK_UNORDERED;
        disk_make_directory(&disk, "/data/pool");
        disk_release(&disk, open_file(&disk, "/data/other"));
        disk_release(&disk, open_file(&disk, "/data/pool/1"));
        disk_release(&disk, open_file(&disk, "/data/pool/2"));
        disk_rename(&disk, "/data/pool/1", "/data/log");
        disk_unlink(&disk, "/data/other");
        sync_names(&disk, "/data");
        disk_power_cut(&disk, &prng);
        char text[64];
        describe(&disk, "/data/log", text);
        assert_string_equal(text, "");
        describe(&disk, "/data/other", text);
        assert_string_equal(text, "absent");
        describe(&disk, "/data/pool/1", text);
        seen_half[strcmp(text, "absent") == 0] = true;
        describe(&disk, "/data/pool/2", text);
        seen[strcmp(text, "absent") == 0] = true;
        disk_deinit(&disk);
    }
    assert_true(seen[0] && seen[1]);
    assert_true(seen_half[0] && seen_half[1]);
}

static void test_directory_never_comes_to_lie_within_itself(void **state)
{
    /* "a" may go into "c" because "c" has left it; the one is not kept without the other. */
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct disk disk;
        init_one_of_both(&disk, seed);
        disk_make_directory(&disk, "/data/a");
        disk_make_directory(&disk, "/data/a/c");
        disk_make_directory(&disk, "/data/b");
        disk_release(&disk, open_file(&disk, "/data/a/c/log"));
        sync_names(&disk, "/data");
        sync_names(&disk, "/data/a");
        sync_names(&disk, "/data/a/c");
        assert_int_equal(disk_rename(&disk, "/data/a/c", "/data/b/c"), STATUS_OK);
        assert_int_equal(disk_rename(&disk, "/data/a", "/data/b/c/a"), STATUS_OK);
        disk_power_cut(&disk, &prng);
        char here[64];
        char there[64];
        describe(&disk, "/data/a/c/log", here);
        describe(&disk, "/data/b/c/log", there);
        assert_true((strcmp(here, "absent") == 0) != (strcmp(there, "absent") == 0));
        disk_deinit(&disk);
    }
}

/* --- What programs see ------------------------------------------------------------------------ */

static void test_errors_of_names(void **state)
{
    /* Opening, making, renaming and removing answer what a real file system answers. */
    struct disk disk;
    disk_init(&disk);
    struct inode *file;
    assert_int_equal(disk_open(&disk, "/data/x", 0, &file), STATUS_NOT_FOUND);
    assert_int_equal(disk_open(&disk, "/none/x", IO_OPEN_CREATE, &file), STATUS_NOT_FOUND);
    disk_release(&disk, open_file(&disk, "/data/x"));
    assert_int_equal(disk_open(&disk, "/data/x", IO_OPEN_CREATE | IO_OPEN_EXCLUSIVE, &file),
                     STATUS_EXISTS);
    assert_int_equal(disk_make_directory(&disk, "/data"), STATUS_EXISTS);
    assert_int_equal(disk_make_directory(&disk, "/data/d"), STATUS_OK);
    disk_release(&disk, open_file(&disk, "/data/d/y"));
    assert_int_equal(disk_remove_directory(&disk, "/data/d"), STATUS_EXISTS);
    assert_int_equal(disk_rename(&disk, "/data/none", "/data/z"), STATUS_NOT_FOUND);
    assert_int_equal(disk_rename(&disk, "/data/d", "/data/d/in"), STATUS_INVALID);
    assert_int_equal(disk_unlink(&disk, "/data/d"), STATUS_INVALID);
    assert_int_equal(disk_unlink(&disk, "/data/d/y"), STATUS_OK);
    assert_int_equal(disk_remove_directory(&disk, "/data/d"), STATUS_OK);
    assert_int_equal(disk_unlink(&disk, "/data/d"), STATUS_NOT_FOUND);
    disk_deinit(&disk);
}

static void test_listing_is_in_byte_order(void **state)
{
    /* A listing names everything once, in byte order, and says what is a directory. */
    struct disk disk;
    disk_init(&disk);
    disk_release(&disk, open_file(&disk, "/data/b"));
    disk_release(&disk, open_file(&disk, "/data/a"));
    disk_make_directory(&disk, "/data/B");
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct io_entry *entries;
    uint32_t count;
    assert_int_equal(disk_list(&disk, "/data", &arena, &entries, &count), STATUS_OK);
    assert_int_equal(count, 3);
    assert_string_equal(entries[0].name, "B");
    assert_true(entries[0].is_directory);
    assert_string_equal(entries[1].name, "a");
    assert_string_equal(entries[2].name, "b");
    assert_int_equal(disk_list(&disk, "/data/none", &arena, &entries, &count), STATUS_NOT_FOUND);
    arena_deinit(&arena);
    disk_deinit(&disk);
}

static void test_full_disk_refuses_growth_and_gives_space_back(void **state)
{
    /* A file cannot grow beyond the disk; writing inside it works, and unlinking makes room. */
    struct disk disk;
    disk_init(&disk);
    disk.capacity_bytes = 4 * SPARSE_PAGE_SIZE;
    struct inode *file = open_file(&disk, "/data/a");
    assert_int_equal(disk_allocate(&disk, file, 0, 3 * SPARSE_PAGE_SIZE), STATUS_OK);
    assert_int_equal(disk_free_bytes(&disk), SPARSE_PAGE_SIZE);
    assert_int_equal(disk_allocate(&disk, file, 0, 5 * SPARSE_PAGE_SIZE), STATUS_NO_SPACE);
    write_sector(&disk, file, 0, 'a');
    disk_release(&disk, file);
    assert_int_equal(disk_unlink(&disk, "/data/a"), STATUS_OK);
    sync_names(&disk, "/data");
    assert_int_equal(disk_free_bytes(&disk), 4 * SPARSE_PAGE_SIZE);
    disk_deinit(&disk);
}

static void test_device_breaks_alone(void **state)
{
    /* What lies on a device of its own breaks with it, and nothing else does; it can be repaired.
     */
    struct disk disk;
    disk_init(&disk);
    disk_mount(&disk, "/data/b");
    assert_int_equal(disk_make_directory(&disk, "/data/b/sub"), STATUS_OK);
    struct inode *there = open_file(&disk, "/data/b/sub/file");
    struct inode *here = open_file(&disk, "/data/file");
    disk_break(&disk, "/data/b/sub", true);
    assert_true(disk_is_broken_under(&disk, there));
    assert_true(disk_is_broken_at(&disk, "/data/b"));
    assert_true(disk_is_broken_at(&disk, "/data/b/sub/none"));
    assert_false(disk_is_broken_under(&disk, here));
    assert_false(disk_is_broken_at(&disk, "/data/none"));
    disk_break(&disk, "/data/b", false);
    assert_false(disk_is_broken_under(&disk, there));
    assert_int_equal(disk_rename(&disk, "/data/b/sub/file", "/data/other"), STATUS_INVALID);
    disk_release(&disk, there);
    disk_release(&disk, here);
    disk_deinit(&disk);
}

static void test_rot_flips_one_bit(void **state)
{
    /* Rot at rest changes exactly one bit of what was durable. */
    struct disk disk;
    disk_init(&disk);
    struct prng prng;
    prng_init(&prng, 7);
    assert_false(disk_rot(&disk, &prng));
    struct inode *file = durable_log(&disk, 4);
    assert_true(disk_rot(&disk, &prng));
    uint8_t data[4 * SECTOR_SIZE];
    file_read(&file->file, 0, data, sizeof data);
    int flipped = 0;
    for (size_t i = 0; i < sizeof data; i++)
        flipped += __builtin_popcount((unsigned)(data[i] ^ 'o'));
    assert_int_equal(flipped, 1);
    disk_release(&disk, file);
    disk_deinit(&disk);
}

static void test_wiped_disk_is_empty(void **state)
{
    /* A disk that was replaced holds nothing of the old one. */
    struct disk disk;
    disk_init(&disk);
    disk_release(&disk, durable_log(&disk, 4));
    disk.order = DISK_UNORDERED;
    disk_wipe(&disk);
    assert_int_equal(disk.order, DISK_UNORDERED);
    char text[64];
    describe(&disk, "/data/log", text);
    assert_string_equal(text, "absent");
    assert_int_equal(disk.used_bytes, 0);
    disk_release(&disk, durable_log(&disk, 1));
    disk_deinit(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synced_data_survives),
        cmocka_unit_test(test_unsynced_write_is_kept_lost_or_torn),
        cmocka_unit_test(test_sectors_of_one_write_are_independent),
        cmocka_unit_test(test_size_and_data_are_independent),
        cmocka_unit_test(test_any_version_of_a_sector_may_be_left),
        cmocka_unit_test(test_data_after_a_lost_cut_is_lost),
        cmocka_unit_test(test_sync_covers_what_was_complete_when_it_was_asked_for),
        cmocka_unit_test(test_failed_sync_loses_what_still_reads_back),
        cmocka_unit_test(test_eviction_shows_what_a_failed_sync_lost),
        cmocka_unit_test(test_torn_write_mixes_old_and_new_sectors),
        cmocka_unit_test(test_large_zeroed_file_costs_no_memory),
        cmocka_unit_test(test_name_needs_the_sync_of_its_directory),
        cmocka_unit_test(test_rename_is_all_or_nothing),
        cmocka_unit_test(test_rename_holds_after_the_sync_of_the_directory),
        cmocka_unit_test(test_unlinked_file_may_come_back),
        cmocka_unit_test(test_move_between_directories_is_one_change),
        cmocka_unit_test(test_synced_move_takes_its_past_with_it),
        cmocka_unit_test(test_new_directory_needs_the_sync_of_its_parent),
        cmocka_unit_test(test_changes_of_an_ordered_directory_hold_in_order),
        cmocka_unit_test(test_changes_of_an_unordered_directory_hold_each_for_itself),
        cmocka_unit_test(test_removal_may_hold_without_what_came_before_it),
        cmocka_unit_test(test_file_that_moves_on_has_one_name_at_most),
        cmocka_unit_test(test_sync_of_an_unordered_directory_covers_all_of_it),
        cmocka_unit_test(test_directory_never_comes_to_lie_within_itself),
        cmocka_unit_test(test_errors_of_names),
        cmocka_unit_test(test_listing_is_in_byte_order),
        cmocka_unit_test(test_full_disk_refuses_growth_and_gives_space_back),
        cmocka_unit_test(test_device_breaks_alone),
        cmocka_unit_test(test_rot_flips_one_bit),
        cmocka_unit_test(test_wiped_disk_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
