#include "cli/name_match.h"

#include "base/assert.h"

#include <stdio.h>

enum { NAME_SIZE_MAX = 1024 };

bool name_match_open(struct name_match *match, const struct tool *tool, const char *name,
                     bool is_regex)
{
    assert(name != NULL);
    *match = (struct name_match){.name = name, .is_regex = is_regex};
    if (!is_regex)
        return true;
    char whole[NAME_SIZE_MAX];
    snprintf(whole, sizeof whole, "^(%s)$", name);
    int error = regcomp(&match->regex, whole, REG_EXTENDED | REG_NOSUB);
    match->is_open = error == 0;
    if (match->is_open)
        return true;
    char problem[128];
    regerror(error, &match->regex, problem, sizeof problem);
    tool_usage_error(tool, "'%s' is no regular expression: %s", name, problem);
    return false;
}

bool name_match_has(const struct name_match *match, struct bytes name)
{
    assert(match->name != NULL);
    if (!match->is_regex)
        return bytes_equal_text(name, match->name);
    assert(match->is_open);
    char text[NAME_SIZE_MAX];
    snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
    return regexec(&match->regex, text, 0, NULL, 0) == 0;
}

void name_match_close(struct name_match *match)
{
    if (match->is_open)
        regfree(&match->regex);
    match->is_open = false;
}
