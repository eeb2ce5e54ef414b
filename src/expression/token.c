#include "expression/token.h"

#include <string.h>

#include "base/text.h"

struct bl_diag *bl_expression_problem(struct bl_diag *diag, uint32_t at) {
    bl_diag_clear(diag);
    diag->line = 1;
    diag->column = at + 1;
    return diag;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte `ahead` of the current one, NUL behind the end. NUL itself is no sign of the language. */
static char peek(const struct bl_lexer *lexer, size_t ahead) {
    size_t at = lexer->offset + ahead;
    return at < lexer->text.len ? lexer->text.data[at] : '\0';
}

static void skip_blank(struct bl_lexer *lexer) {
    for (;;) {
        char c = peek(lexer, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            lexer->offset++;
        } else if (c == '/' && peek(lexer, 1) == '/') {
            while (lexer->offset < lexer->text.len && peek(lexer, 0) != '\n') {
                lexer->offset++;
            }
        } else {
            return;
        }
    }
}

/* --- numbers ------------------------------------------------------------------------------- */

static bl_result refuse_number(struct bl_lexer *lexer, const struct bl_token *token) {
    struct bl_diag *diag = bl_expression_problem(lexer->diag, token->at);
    struct bl_str text = {lexer->text.data + token->at, lexer->offset - token->at};

    text = bl_utf8_cut(text, 60);
    bl_diag_message(diag, "%.*s does not fit 64 bits", BL_STR_ARG(text));
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result read_integer(struct bl_lexer *lexer, struct bl_token *token) {
    uint64_t value = 0;
    bool fits = true;
    bool is_hex =
        peek(lexer, 0) == '0' && (peek(lexer, 1) | 0x20) == 'x' && hex_digit(peek(lexer, 2)) >= 0;
    uint64_t base = is_hex ? 16 : 10;
    int digit;

    lexer->offset += is_hex ? 2 : 0;
    for (; (digit = hex_digit(peek(lexer, 0))) >= 0 && (is_hex || digit < 10); lexer->offset++) {
        fits = fits && !__builtin_mul_overflow(value, base, &value) &&
               !__builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (!fits) {
        return refuse_number(lexer, token);
    }
    token->is_int = true;
    if ((peek(lexer, 0) | 0x20) == 'u') {
        lexer->offset++;
        token->is_int = false;
    }
    token->value = (struct bl_value){.type = BL_VALUE_UINT, .as.unsigned_integer = value};
    return BL_OK;
}

/* Bytes of a number with a fraction or an exponent at the current place; 0 if it has neither. */
static size_t double_len(const struct bl_lexer *lexer) {
    size_t len = 0;
    bool is_double = false;

    while (is_digit(peek(lexer, len))) {
        len++;
    }
    if (peek(lexer, len) == '.' && is_digit(peek(lexer, len + 1))) {
        is_double = true;
        do {
            len++;
        } while (is_digit(peek(lexer, len)));
    }
    if ((peek(lexer, len) | 0x20) == 'e') {
        size_t sign = peek(lexer, len + 1) == '+' || peek(lexer, len + 1) == '-';
        if (is_digit(peek(lexer, len + 1 + sign))) {
            is_double = true;
            len += 1 + sign;
            while (is_digit(peek(lexer, len))) {
                len++;
            }
        }
    }
    return is_double ? len : 0;
}

/* As JSON reads it; its grammar wants one digit before the point, and no zeros before another. */
static bl_result read_double(struct bl_lexer *lexer, struct bl_token *token, size_t len) {
    char storage[512] = "0";
    struct bl_str digits = {lexer->text.data + lexer->offset, len};
    double number;

    lexer->offset += len;
    while (digits.len > 1 && digits.data[0] == '0' && is_digit(digits.data[1])) {
        digits.data++;
        digits.len--;
    }
    if (digits.data[0] == '.' && digits.len < sizeof(storage)) {
        memcpy(storage + 1, digits.data, digits.len);
        digits = (struct bl_str){storage, digits.len + 1};
    }
    if (!bl_json_text_double(digits, &number)) {
        return refuse_number(lexer, token);
    }
    token->value = (struct bl_value){.type = BL_VALUE_DOUBLE, .as.number = number};
    return BL_OK;
}

static bl_result read_number(struct bl_lexer *lexer, struct bl_token *token) {
    size_t len = double_len(lexer);

    token->kind = BL_TOKEN_LITERAL;
    BL_TRY(len > 0 ? read_double(lexer, token, len) : read_integer(lexer, token));
    if (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0))) {
        struct bl_diag *diag = bl_expression_problem(lexer->diag, (uint32_t)lexer->offset);
        bl_diag_message(diag, "a number is followed by '%c'", peek(lexer, 0));
        bl_diag_hint(diag, "numbers are 12, 12u, 0x1f, 1.5, 1e9");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

/* --- strings ------------------------------------------------------------------------------- */

static bl_result refuse_string(struct bl_lexer *lexer, size_t at, const char *message,
                               const char *hint) {
    struct bl_diag *diag = bl_expression_problem(lexer->diag, (uint32_t)at);

    bl_diag_message(diag, "%s", message);
    bl_diag_hint(diag, "%s", hint);
    return BL_FAIL(INVALID_REQUEST);
}

static size_t put_code_point(char *out, uint32_t code) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (code & 0x3Fu));
        code >>= 6;
    }
    out[0] = (char)((0xF00u >> len) | code);
    return len;
}

/* `digits` digits of base 16 or 8 at `text`, or -1. */
static int64_t read_digits(struct bl_str text, size_t digits, int base) {
    int64_t value = 0;

    if (text.len < digits) {
        return -1;
    }
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0 || digit >= base) {
            return -1;
        }
        value = value * base + digit;
    }
    return value;
}

/* One escape behind its backslash: bytes used of `text`, 0 if it is none. */
static size_t unescape_one(struct bl_str text, char *out, size_t *written) {
    static const char letters[] = "abfnrtv\\?\"'`";
    static const char meanings[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *letter =
        text.len > 0 && text.data[0] != '\0' ? strchr(letters, text.data[0]) : NULL;
    size_t used = 0;
    int64_t code = -1;

    if (letter != NULL) {
        *out = meanings[letter - letters];
        *written = 1;
        return 1;
    }
    if (text.len == 0) {
        return 0;
    }
    struct bl_str rest = {text.data + 1, text.len - 1};
    switch (text.data[0]) {
    case 'x':
    case 'X':
        used = 3;
        code = read_digits(rest, 2, 16);
        break;
    case 'u':
        used = 5;
        code = read_digits(rest, 4, 16);
        break;
    case 'U':
        used = 9;
        code = read_digits(rest, 8, 16);
        break;
    default:
        used = 3;
        code = text.data[0] <= '3' ? read_digits(text, 3, 8) : -1;
        break;
    }
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    *written = put_code_point(out, (uint32_t)code);
    return used;
}

/* No escape is shorter than what it stands for. */
static bl_result unescape(struct bl_lexer *lexer, struct bl_str raw, struct bl_value *value) {
    size_t len = 0;
    char *text = bl_arena_alloc(lexer->arena, raw.len + 1);

    if (text == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; i < raw.len;) {
        if (raw.data[i] != '\\') {
            text[len++] = raw.data[i++];
            continue;
        }
        size_t written = 0;
        size_t used =
            unescape_one((struct bl_str){raw.data + i + 1, raw.len - i - 1}, text + len, &written);
        if (used == 0) {
            return refuse_string(lexer, (size_t)(raw.data + i - lexer->text.data),
                                 "is no escape of a text",
                                 "\\n, \\t, \\\\, \\\", \\x41, \\u00e9, \\U0001f600; in r\"...\" "
                                 "nothing is escaped");
        }
        i += 1 + used;
        len += written;
    }
    *value = bl_value_text((struct bl_str){text, len});
    return BL_OK;
}

/* At the opening quote. */
static bl_result read_string(struct bl_lexer *lexer, struct bl_token *token, bool is_raw) {
    char quote = peek(lexer, 0);
    size_t quotes = peek(lexer, 1) == quote && peek(lexer, 2) == quote ? 3 : 1;

    lexer->offset += quotes;
    size_t start = lexer->offset;
    for (;;) {
        char c = peek(lexer, 0);
        bool is_over = lexer->offset >= lexer->text.len;
        if (is_over || (quotes == 1 && (c == '\n' || c == '\r'))) {
            return refuse_string(lexer, token->at, "a text has no end",
                                 "it ends with the quote it began with, on the same line");
        }
        if (c == quote && (quotes == 1 || (peek(lexer, 1) == quote && peek(lexer, 2) == quote))) {
            break;
        }
        lexer->offset += c == '\\' && !is_raw && lexer->offset + 1 < lexer->text.len ? 2 : 1;
    }
    struct bl_str raw = {lexer->text.data + start, lexer->offset - start};
    lexer->offset += quotes;
    token->kind = BL_TOKEN_LITERAL;
    if (is_raw || memchr(raw.data, '\\', raw.len) == NULL) {
        token->value = bl_value_text(raw);
        return BL_OK;
    }
    return unescape(lexer, raw, &token->value);
}

/* --- words and signs ----------------------------------------------------------------------- */

static void read_word(struct bl_lexer *lexer, struct bl_token *token) {
    static const char *const reserved[] = {
        "as",        "break",   "const",  "continue", "else", "for",   "function", "if",  "let",
        "namespace", "package", "return", "var",      "void", "while", "import",   "loop"};
    size_t len = 0;

    while (is_letter(peek(lexer, len)) || is_digit(peek(lexer, len))) {
        len++;
    }
    struct bl_str word = {lexer->text.data + lexer->offset, len};
    lexer->offset += len;
    token->kind = BL_TOKEN_NAME;
    if (bl_str_equal(word, BL_STR("true")) || bl_str_equal(word, BL_STR("false"))) {
        token->kind = BL_TOKEN_LITERAL;
        token->value = bl_value_bool(word.len == 4);
    } else if (bl_str_equal(word, BL_STR("null"))) {
        token->kind = BL_TOKEN_LITERAL;
        token->value = (struct bl_value){.type = BL_VALUE_NULL};
    } else if (bl_str_equal(word, BL_STR("in"))) {
        token->kind = BL_TOKEN_IN;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (bl_str_equal_c(word, reserved[i])) {
            token->kind = BL_TOKEN_RESERVED;
        }
    }
}

static bl_result read_sign(struct bl_lexer *lexer, struct bl_token *token) {
    static const struct {
        char text[3];
        int kind;
    } pairs[] = {
        {"<=", BL_TOKEN_LESS_EQUAL}, {">=", BL_TOKEN_GREATER_EQUAL}, {"==", BL_TOKEN_EQUAL},
        {"!=", BL_TOKEN_NOT_EQUAL},  {"&&", BL_TOKEN_AND},           {"||", BL_TOKEN_OR},
    };
    char c = peek(lexer, 0);

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (c == pairs[i].text[0] && peek(lexer, 1) == pairs[i].text[1]) {
            lexer->offset += 2;
            token->kind = pairs[i].kind;
            return BL_OK;
        }
    }
    if (c != '\0' && strchr("()[]{}.,?:+-*/%!<>", c) != NULL) {
        lexer->offset++;
        token->kind = (unsigned char)c;
        return BL_OK;
    }
    struct bl_diag *diag = bl_expression_problem(lexer->diag, token->at);
    size_t len =
        bl_utf8_char_len(lexer->text.data + lexer->offset, lexer->text.len - lexer->offset);
    if (c >= '!' && c <= '~') {
        bl_diag_message(diag, "'%c' is no sign of an expression", c);
    } else if (len > 1) {
        bl_diag_message(diag, "'%.*s' is no sign of an expression", (int)len,
                        lexer->text.data + lexer->offset);
    } else {
        bl_diag_message(diag, "a byte 0x%02x is no sign of an expression", (unsigned char)c);
    }
    const char *hint = c == '&'   ? "\"and\" is &&"
                       : c == '|' ? "\"or\" is ||"
                       : c == '=' ? "to compare, write =="
                                  : "texts stand in quotes: \"gold\"";
    bl_diag_hint(diag, "%s", hint);
    return BL_FAIL(INVALID_REQUEST);
}

static bool is_quote(char c) {
    return c == '"' || c == '\'';
}

static bl_result read_token(struct bl_lexer *lexer, struct bl_token *token) {
    char c = peek(lexer, 0);
    char low = (char)(c | 0x20);

    if (lexer->offset >= lexer->text.len) {
        token->kind = BL_TOKEN_END;
        return BL_OK;
    }
    if (is_quote(c)) {
        return read_string(lexer, token, false);
    }
    if (low == 'r' && is_quote(peek(lexer, 1))) {
        lexer->offset++;
        return read_string(lexer, token, true);
    }
    if ((low == 'b' && is_quote(peek(lexer, 1))) ||
        ((low == 'b' || low == 'r') && ((peek(lexer, 1) | 0x20) == (low == 'b' ? 'r' : 'b')) &&
         is_quote(peek(lexer, 2)))) {
        return refuse_string(lexer, lexer->offset, "bytes are not part of this language",
                             "write a text: \"...\"");
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) {
        return read_number(lexer, token);
    }
    if (is_letter(c)) {
        read_word(lexer, token);
        return BL_OK;
    }
    return read_sign(lexer, token);
}

bl_result bl_lexer_next(struct bl_lexer *lexer, struct bl_token *token) {
    skip_blank(lexer);
    *token = (struct bl_token){.at = (uint32_t)lexer->offset};
    BL_TRY(read_token(lexer, token));
    token->text = (struct bl_str){lexer->text.data + token->at, lexer->offset - token->at};
    return BL_OK;
}
