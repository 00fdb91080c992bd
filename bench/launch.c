#include "bench/launch.h"

#include "base/assert.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum {
    START_TIMEOUT_SECONDS = 60,
    RETRY_NS = 100 * 1000,
};

/* A copy of the word with {port} and {data} replaced; the caller's to free. */
static char *fill_in(const char *word, const char *port, const char *data)
{
    char *filled = NULL;
    size_t filled_size = 0;
    FILE *out = open_memstream(&filled, &filled_size);
    assert(out != NULL);
    while (*word != '\0') {
        const char *value = strncmp(word, "{port}", 6) == 0   ? port
                            : strncmp(word, "{data}", 6) == 0 ? data
                                                              : NULL;
        if (value != NULL)
            fputs(value, out);
        else
            fputc(*word, out);
        word += value != NULL ? 6 : 1;
    }
    fclose(out);
    return filled;
}

void launch_prepare(struct launch *launch, const char *const *command, uint32_t word_count,
                    const char *folder)
{
    char port_text[8];
    assert(word_count > 0);
    uint16_t port = port_find_free();
    *launch = (struct launch){.port = port, .address = address_loopback(port)};
    snprintf(port_text, sizeof port_text, "%u", port);
    if (word_count > LAUNCH_WORDS_MAX)
        fail("the command has more than %d words", LAUNCH_WORDS_MAX);
    for (uint32_t i = 0; i < word_count; i++)
        launch->words[launch->word_count++] = fill_in(command[i], port_text, folder);
    launch->name = launch->words[0];
}

void launch_forget(struct launch *launch)
{
    for (uint32_t i = 0; i < launch->word_count; i++)
        free(launch->words[i]);
    launch->word_count = 0;
}

static bool is_answering(struct launch *launch)
{
    if (!control_open(&launch->control, &launch->address))
        return false;
    if (control_is_answered(&launch->control))
        return true;
    control_close(&launch->control);
    return false;
}

void launch_start(struct launch *launch)
{
    assert(launch->word_count > 0);
    launch->process = process_start(launch->words, launch->is_verbose);
    int64_t give_up_ns = launch->process.started_ns + START_TIMEOUT_SECONDS * SECOND_NS;
    while (!is_answering(launch)) {
        if (!process_is_alive(&launch->process))
            fail("%s ended before it answered; --verbose shows why", launch->name);
        if (now_ns() > give_up_ns)
            fail("%s does not answer for %d s", launch->name, START_TIMEOUT_SECONDS);
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
    launch->answered_ns = now_ns() - launch->process.started_ns;
}

int64_t launch_stop(struct launch *launch)
{
    control_close(&launch->control);
    return process_stop(&launch->process);
}

void launch_kill(struct launch *launch)
{
    control_close(&launch->control);
    kill(launch->process.pid, SIGKILL);
    waitpid(launch->process.pid, NULL, 0);
}
