/* Lines "expression<TAB>name" in; 1, 0 or "refused" out, a line each. */
#include "consumer-groups/topic_pattern.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096, ARENA_LIMIT = 16 * 1024 * 1024 };

static const char *answer_line(char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *name = strchr(line, '\t');
    if (name == NULL)
        return "no tab";
    *name++ = 0;
    struct arena arena;
    struct topic_pattern *pattern;
    struct topic_pattern_error error;
    arena_init(&arena, ARENA_LIMIT);
    const char *answer = "refused";
    if (topic_pattern_compile(bytes_of_text(line), &arena, &pattern, &error) == STATUS_OK)
        answer = topic_pattern_matches(pattern, bytes_of_text(name)) ? "1" : "0";
    arena_deinit(&arena);
    return answer;
}

int main(void)
{
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL)
        puts(answer_line(line));
    return 0;
}
