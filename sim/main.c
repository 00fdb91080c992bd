/* tailrace-sim: runs stories by their seeds.
 *
 *   tailrace-sim                          200 seeds of every story
 *   tailrace-sim --story ledger --seed 7  one seed, and what became of it
 *
 * Data goes to stdout: one line for each seed that fails, which is the command that replays it,
 * and a last line with the sum. The program's exit code is that of the worst seed: 127 crash,
 * 128 stuck (liveness), 129 unsafe (safety); 2 for a wrong command line. */
#include "base/text.h"
#include "sim/runner.h"
#include "sim/stories.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOB_COUNT_MAX = 64, SEED_COUNT_USUAL = 200, EXIT_USAGE = 2, BAR_WIDTH = 30 };

struct command {
    const struct story *story; /* NULL: all */
    const char *bite;
    uint64_t first_seed;
    uint64_t last_seed;
    uint32_t job_count;
    bool twice;
    bool trace;
    bool log;
};

struct tally {
    uint64_t seed_count; /* to run */
    uint64_t done_count;
    uint64_t failed_count;
    uint64_t step_count;
    uint64_t simulated_ns;
    enum outcome worst;
};

static const char help_text[] =
    "Usage: tailrace-sim [options]\n"
    "\n"
    "Runs the broker's world by seeds: disks, networks and machines that fail.\n"
    "\n"
    "  --story NAME    only this story (see --list)\n"
    "  --seed N        one seed\n"
    "  --seeds A..B    seeds from A to B, both included (default 1..200)\n"
    "  --bite NAME     with a deliberate mistake, which the story should find\n"
    "  --jobs N        so many seeds at a time (default: as many as processors)\n"
    "  --once          run each seed once; otherwise twice, and compare the traces\n"
    "  --trace         every event, readable, on stderr (with --seed)\n"
    "  --log           what the simulated programs log, on stderr (with --seed)\n"
    "  --list          name the stories and their bites\n"
    "  --help          this text\n";

/* --- The command line ------------------------------------------------------------------------- */

static bool parse_seed(struct bytes text, uint64_t *seed)
{
    int64_t value;
    if (text_parse_i64(text, 0, INT64_MAX, &value) != STATUS_OK)
        return false;
    *seed = (uint64_t)value;
    return true;
}

/* "7", or "1..200" */
static bool parse_seeds(const char *text, struct command *command)
{
    const char *dots = strstr(text, "..");
    if (dots == NULL) {
        bool is_seed = parse_seed(bytes_of_text(text), &command->first_seed);
        command->last_seed = command->first_seed;
        return is_seed;
    }
    return parse_seed(bytes_of(text, (size_t)(dots - text)), &command->first_seed) &&
           parse_seed(bytes_of_text(dots + 2), &command->last_seed) &&
           command->first_seed <= command->last_seed;
}

static bool parse_jobs(const char *text, struct command *command)
{
    int64_t count;
    if (text_parse_i64(bytes_of_text(text), 1, JOB_COUNT_MAX, &count) != STATUS_OK)
        return false;
    command->job_count = (uint32_t)count;
    return true;
}

static bool story_has_bite(const struct story *story, const char *name)
{
    for (const struct story_bite *bite = story->bites; bite->name != NULL; bite++)
        if (strcmp(bite->name, name) == 0)
            return true;
    return false;
}

static void list_stories(void)
{
    const struct story *story;
    for (size_t i = 0; (story = story_at(i)) != NULL; i++) {
        printf("%-14s %s\n", story->name, story->summary);
        for (const struct story_bite *bite = story->bites; bite->name != NULL; bite++)
            printf("  --bite %-14s %s\n", bite->name, bite->summary);
    }
}

_Noreturn static void usage_error(const char *message, const char *value)
{
    fprintf(stderr, "tailrace-sim: %s%s%s\nTry 'tailrace-sim --help'.\n", message,
            value == NULL ? "" : ": ", value == NULL ? "" : value);
    exit(EXIT_USAGE);
}

/* One option; ends the program when it is wrong, or when it asks for no run. */
static void command_take(struct command *command, int option, const char *value)
{
    switch (option) {
    case 's':
        command->story = story_find(value);
        if (command->story == NULL)
            usage_error("no such story (see --list)", value);
        break;
    case 'n':
        if (!parse_seeds(value, command))
            usage_error("not a seed, or seeds as A..B", value);
        break;
    case 'j':
        if (!parse_jobs(value, command))
            usage_error("not a number of jobs from 1 to 64", value);
        break;
    case 'b': command->bite = value; break;
    case 'o': command->twice = false; break;
    case 't': command->trace = true; break;
    case 'l': command->log = true; break;
    case 'L': list_stories(); exit(EXIT_SUCCESS);
    case 'h': fputs(help_text, stdout); exit(EXIT_SUCCESS);
    default: usage_error("wrong option", NULL);
    }
}

static struct command command_parse(int argument_count, char **arguments)
{
    static const struct option options[] = {
        {"story", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'n'},
        {"seeds", required_argument, NULL, 'n'},
        {"bite", required_argument, NULL, 'b'},
        {"jobs", required_argument, NULL, 'j'},
        {"once", no_argument, NULL, 'o'},
        {"trace", no_argument, NULL, 't'},
        {"log", no_argument, NULL, 'l'},
        {"list", no_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct command command = {.first_seed = 1, .last_seed = SEED_COUNT_USUAL, .twice = true};
    command.job_count = processors < 1 ? 1 : (uint32_t)processors;
    if (command.job_count > JOB_COUNT_MAX)
        command.job_count = JOB_COUNT_MAX;
    int option;
    while ((option = getopt_long(argument_count, arguments, "", options, NULL)) != -1)
        command_take(&command, option, optarg);
    if (optind < argument_count)
        usage_error("unexpected argument", arguments[optind]);
    if (command.bite != NULL && command.story == NULL)
        usage_error("--bite needs --story", NULL);
    if (command.bite != NULL && !story_has_bite(command.story, command.bite))
        usage_error("no such bite (see --list)", command.bite);
    if ((command.trace || command.log) && command.first_seed != command.last_seed)
        usage_error("--trace and --log need --seed", NULL);
    return command;
}

/* --- Running ---------------------------------------------------------------------------------- */

static const char *outcome_name(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_GOOD: return "good";
    case OUTCOME_CRASH: return "crash";
    case OUTCOME_STUCK: return "stuck";
    case OUTCOME_UNSAFE: return "unsafe";
    }
    return "unknown";
}

static void show_progress(const struct tally *tally)
{
    if (!isatty(STDERR_FILENO))
        return;
    int filled = (int)(tally->done_count * BAR_WIDTH / tally->seed_count);
    fprintf(stderr, "\r[%.*s%*s] %" PRIu64 "/%" PRIu64 " seeds, %" PRIu64 " failed", filled,
            "##############################", BAR_WIDTH - filled, "", tally->done_count,
            tally->seed_count, tally->failed_count);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void tally_count(struct tally *tally, const struct runner *runner,
                        const struct verdict *verdict)
{
    tally->done_count++;
    tally->step_count += verdict->step_count;
    tally->simulated_ns += verdict->simulated_ns;
    if (verdict->outcome != OUTCOME_GOOD) {
        const char *bite = runner->options.bite;
        tally->failed_count++;
        if (verdict->outcome > tally->worst)
            tally->worst = verdict->outcome;
        clear_progress();
        printf("tailrace-sim --story %s --seed %" PRIu64 "%s%s  # %s: %s\n", runner->story->name,
               runner->options.seed, bite == NULL ? "" : " --bite ", bite == NULL ? "" : bite,
               outcome_name(verdict->outcome), verdict->reason);
    }
    show_progress(tally);
}

/* Keeps `job_count` seeds running until all are done. */
static bool run_story(const struct command *command, const struct story *story, struct tally *tally)
{
    struct runner runners[JOB_COUNT_MAX] = {0};
    struct verdict verdict;
    uint64_t next_seed = command->first_seed;
    uint64_t remaining = command->last_seed - command->first_seed + 1;
    uint32_t running = 0;
    while (remaining > 0 || running > 0) {
        for (uint32_t i = 0; i < command->job_count && remaining > 0; i++) {
            if (runners[i].process != 0)
                continue;
            runners[i].story = story;
            runners[i].options = (struct story_options){.seed = next_seed, .bite = command->bite};
            runners[i].twice = command->twice;
            if (!runner_start(&runners[i]))
                return false;
            next_seed++;
            remaining--;
            running++;
        }
        const struct runner *done = runner_wait(runners, command->job_count, &verdict);
        running--;
        tally_count(tally, done, &verdict);
    }
    return true;
}

/* Somebody wants to watch: in this process, where a debugger can follow. */
static enum outcome watch(const struct command *command, const struct story *story)
{
    struct story_options options = {
        .seed = command->first_seed,
        .bite = command->bite,
        .trace = command->trace ? stderr : NULL,
        .log = command->log ? stderr : NULL,
    };
    struct verdict verdict;
    runner_run(story, &options, false, &verdict);
    printf("%s --seed %" PRIu64 ": %s%s%s (%" PRIu64 " events, trace %016" PRIx64 ")\n",
           story->name, options.seed, outcome_name(verdict.outcome),
           verdict.reason[0] == '\0' ? "" : ": ", verdict.reason, verdict.step_count,
           verdict.trace_hash);
    return verdict.outcome;
}

int main(int argument_count, char **arguments)
{
    struct command command = command_parse(argument_count, arguments);
    struct tally tally = {0};
    const struct story *story;
    for (size_t i = 0; (story = story_at(i)) != NULL; i++)
        if (command.story == NULL || command.story == story)
            tally.seed_count += command.last_seed - command.first_seed + 1;
    for (size_t i = 0; (story = story_at(i)) != NULL; i++) {
        if (command.story != NULL && command.story != story)
            continue;
        if (command.trace || command.log)
            tally.worst = watch(&command, story);
        else if (!run_story(&command, story, &tally))
            return EXIT_FAILURE;
    }
    clear_progress();
    if (tally.done_count > 0)
        printf("%" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64 " events, %" PRIu64
               " simulated seconds\n",
               tally.done_count, tally.failed_count, tally.step_count,
               tally.simulated_ns / 1000000000);
    return (int)tally.worst;
}
