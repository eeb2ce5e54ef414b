#include "json/yaml_words.h"

/* The messages of libyaml 0.2.5 (scanner.c, parser.c, reader.c) that typing errors lead to. */
static const struct {
    const char *problem;
    const char *message;
    const char *hint;
} explanations[] = {
    {"mapping values are not allowed in this context", "a colon cannot stand here",
     "check the indentation, and quote a text that holds \": \""},
    {"did not find expected key", "a key should begin here, as far in as the keys before it",
     "check the indentation, and quote a text that goes on after its closing quote"},
    {"did not find expected '-' indicator", "a list item should begin here with \"- \"",
     "indent the items of a list alike"},
    {"block sequence entries are not allowed in this context", "a list item cannot stand here",
     "begin the list on a line of its own, and indent its items alike"},
    {"could not find expected ':'", "a key without a colon",
     "write \"key: value\", and quote a text of several lines"},
    {"did not find expected node content", "a value or a key is missing here",
     "write it, or quotes around nothing"},
    {"did not find expected ',' or ']'", "a comma or ] should stand here",
     "close the list that began with ["},
    {"did not find expected ',' or '}'", "a comma or } should stand here",
     "close the mapping that began with {"},
    {"found unexpected end of stream", "the document ends inside a quoted text",
     "close the quotes"},
    {"found unexpected document indicator", "a line of --- or ... stands inside a quoted text",
     "close the quotes before it, or indent the line"},
    {"found unknown escape character", "this backslash does not begin an escape",
     "write \\\\ for a backslash, or use single quotes"},
    {"did not find expected hexdecimal number", "an escape lacks hexadecimal digits",
     "write \\\\ for a backslash, or use single quotes"},
    {"found invalid Unicode character escape code", "this escape is not a character",
     "write the character itself"},
    {"control characters are not allowed", "a control character cannot stand in YAML",
     "write it as an escape in double quotes"},
    {"found a tab character where an indentation space is expected",
     "a tab stands where a block text should be indented", "indent with spaces"},
    {"found a tab character that violates indentation", "a line is indented with a tab",
     "indent with spaces"},
    {"found undefined tag handle", "tags are not allowed", "remove the !tag"},
    {"did not find expected alphabetic or numeric character", "anchors and aliases are not allowed",
     "quote a text that begins with & or *"},
    {"did not find expected <document start>", "something stands after the end of the document",
     "check the indentation: all keys of the outermost mapping begin in the same column"},
    {"found incompatible YAML document", "this version of YAML is not supported",
     "remove the %YAML line"},
    {"found unknown directive name", "a line cannot begin with %", "quote the text"},
};

static bool explain_character(struct bl_str rest, struct bl_diag *diag) {
    if (rest.len == 0) {
        return false;
    }
    if (rest.data[0] == '\t') {
        bl_diag_message(diag, "a line is indented with a tab");
        bl_diag_hint(diag, "indent with spaces");
    } else {
        bl_diag_message(diag, "a text without quotes cannot begin with %c", rest.data[0]);
        bl_diag_hint(diag, "quote the text");
    }
    return true;
}

void bl_yaml_explain(const char *problem, const char *context, struct bl_str rest,
                     struct bl_diag *diag) {
    struct bl_str found = bl_str_from_c(problem != NULL ? problem : "unreadable");

    if (bl_str_equal(found, BL_STR("found character that cannot start any token")) &&
        explain_character(rest, diag)) {
        return;
    }
    for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
        if (bl_str_equal_c(found, explanations[i].problem)) {
            bl_diag_message(diag, "%s", explanations[i].message);
            bl_diag_hint(diag, "%s", explanations[i].hint);
            return;
        }
    }
    bl_diag_message(diag, "not valid YAML: %.*s%s%s", BL_STR_ARG(found),
                    context != NULL ? ", " : "", context != NULL ? context : "");
    bl_diag_hint(diag, "check the indentation, and quote texts with : { [ # or quotes");
}
