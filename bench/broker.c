#include "bench/broker.h"

#include "base/assert.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { START_TIMEOUT_SECONDS = 60, RETRY_NS = 100 * 1000 };

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

void broker_prepare(struct broker *broker, const struct start_options *options, const char *folder)
{
    char port_text[8];
    uint16_t port = port_find_free();
    *broker = (struct broker){.options = options, .address = address_loopback(port)};
    snprintf(port_text, sizeof port_text, "%u", port);
    if (options->word_count > START_WORDS_MAX)
        fail("the command has more than %d words", START_WORDS_MAX);
    for (uint32_t i = 0; i < options->word_count; i++) {
        broker->words[i] = fill_in(options->command[i], port_text, folder);
        broker->word_count++;
    }
}

void broker_forget(struct broker *broker)
{
    for (uint32_t i = 0; i < broker->word_count; i++)
        free(broker->words[i]);
}

static bool broker_answers(struct broker *broker)
{
    if (!control_open(&broker->control, &broker->address))
        return false;
    if (control_is_answered(&broker->control))
        return true;
    control_close(&broker->control);
    return false;
}

void broker_start(struct broker *broker)
{
    broker->process = process_start(broker->words, broker->options->is_verbose);
    int64_t give_up_ns = broker->process.started_ns + START_TIMEOUT_SECONDS * SECOND_NS;
    while (!broker_answers(broker)) {
        if (!process_is_alive(&broker->process))
            fail("%s ended before it answered; --verbose shows why", broker->words[0]);
        if (now_ns() > give_up_ns)
            fail("%s does not answer for %d s", broker->words[0], START_TIMEOUT_SECONDS);
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
    broker->answered_ns = now_ns() - broker->process.started_ns;
}

int64_t broker_stop(struct broker *broker)
{
    control_close(&broker->control);
    return process_stop(&broker->process);
}

void broker_kill(struct broker *broker)
{
    control_close(&broker->control);
    kill(broker->process.pid, SIGKILL);
    waitpid(broker->process.pid, NULL, 0);
}
