/* parse.c - from text to a tree.
 *
 *     list     = and_or { (";" | "&" | newline) and_or }
 *     and_or   = pipeline { ("&&" | "||") pipeline }
 *     pipeline = ["!"] command { "|" command }
 *     command  = "(" list ")" | "{" list "}" | if | while | until | for      each with redirections
 *              | words and redirections
 *
 * Recursive descent, one function a rule. A word is kept as written: quotes and $ are looked at
 * when it is expanded, here only to see where it ends. The tree lives in scratch.
 */
#include "shell.h"

struct parser {
    const char *at;
    enum parse_result result;
};

static struct node *parse_list(struct parser *parser, bool one_line);

/* ---- characters and words ---- */

bool
is_name_character(char character, bool first)
{
    char lower = character | 0x20;

    return (lower >= 'a' && lower <= 'z') || character == '_' ||
           (!first && character >= '0' && character <= '9');
}

size_t
name_length(const char *text)
{
    size_t length = 0;

    while (is_name_character(text[length], length == 0))
        length++;
    return length;
}

/* Also true for the end of the text. */
static bool
ends_word(char character)
{
    return strchr(" \t\n;&|<>()", character) != NULL;
}

/* `at` stands behind the opening quote; the answer behind the closing one, or NULL. */
static const char *
skip_single_quotes(const char *at)
{
    at = strchr(at, '\'');
    return at ? at + 1 : NULL;
}

static const char *
skip_double_quotes(const char *at)
{
    while (at && *at != '"') {
        if (*at == '\0')
            return NULL;
        if (*at == '\\' && at[1])
            at += 2;
        else
            at = *at == '$' ? skip_dollar(at) : at + 1;
    }
    return at ? at + 1 : NULL;
}

/* One character or quoted part of a word. */
static const char *
skip_part(const char *at)
{
    switch (*at) {
    case '\0':
        return NULL;
    case '\\':
        return at[1] ? at + 2 : NULL;
    case '\'':
        return skip_single_quotes(at + 1);
    case '"':
        return skip_double_quotes(at + 1);
    case '$':
        return skip_dollar(at);
    default:
        return at + 1;
    }
}

const char *
skip_dollar(const char *at)
{
    char open = at[1], close = open == '(' ? ')' : '}';
    unsigned depth = 1;

    if (open != '(' && open != '{')
        return at + 1;
    for (at += 2; at && depth;) {
        depth += *at == open;
        depth -= *at == close;
        at = skip_part(at);
    }
    return at;
}

static const char *
skip_word(const char *at)
{
    while (at && !ends_word(*at))
        at = skip_part(at);
    return at;
}

static const char *
skip_comment(const char *at)
{
    while (*at && *at != '\n')
        at++;
    return at;
}

/* Blanks, comments and joined lines. */
static void
skip_blanks(struct parser *parser)
{
    for (;;) {
        if (*parser->at == ' ' || *parser->at == '\t')
            parser->at++;
        else if (parser->at[0] == '\\' && parser->at[1] == '\n')
            parser->at += 2;
        else if (*parser->at == '#')
            parser->at = skip_comment(parser->at);
        else
            return;
    }
}

static void
skip_lines(struct parser *parser)
{
    skip_blanks(parser);
    while (*parser->at == '\n') {
        parser->at++;
        skip_blanks(parser);
    }
}

/* ---- tokens ---- */

/* The text is not what it should be here: more of it may help only at its end. Returns NULL. */
static void *
fail(struct parser *parser)
{
    if (parser->result == PARSE_OK)
        parser->result = *parser->at ? PARSE_ERROR : PARSE_MORE;
    return NULL;
}

/* Takes an operator or a reserved word, if it comes next. */
static bool
take(struct parser *parser, const char *token)
{
    size_t length = strlen(token);
    bool is_word = token[0] >= 'a' || token[0] == '!';

    skip_blanks(parser);
    if (strncmp(parser->at, token, length) || (is_word && !ends_word(parser->at[length])))
        return false;
    parser->at += length;
    return true;
}

/* Takes it at the start of a command, behind any number of lines; it is a mistake if it is not
 * there. */
static bool
want(struct parser *parser, const char *token)
{
    if (parser->result != PARSE_OK)
        return false;
    skip_lines(parser);
    if (take(parser, token))
        return true;
    fail(parser);
    return false;
}

/* At something that ends a list of commands. */
static bool
at_list_end(struct parser *parser)
{
    static const char *const enders[] = {"then", "elif", "else", "fi", "do", "done", "}"};
    const char *start;

    skip_blanks(parser);
    start = parser->at;
    if (*start == '\0' || *start == ')')
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(enders); i++) {
        if (take(parser, enders[i])) {
            parser->at = start;
            return true;
        }
    }
    return false;
}

static struct node *
new_node(enum node_kind kind, struct node *left, struct node *right)
{
    struct node *node = scratch(sizeof(*node));

    node->kind = kind;
    node->left = left;
    node->right = right;
    return node;
}

static struct word *
parse_word(struct parser *parser)
{
    struct word *word;
    const char *end;

    skip_blanks(parser);
    if (ends_word(*parser->at))
        return fail(parser);
    end = skip_word(parser->at);
    if (!end) {
        parser->at = strchr(parser->at, '\0');
        return fail(parser);
    }
    word = scratch(sizeof(*word));
    word->text = parser->at;
    word->length = (size_t)(end - parser->at);
    parser->at = end;
    return word;
}

/* ---- simple commands ---- */

/* At [digit] < or >. */
static bool
at_redirection(const struct parser *parser)
{
    const char *at = parser->at;

    if (*at >= '0' && *at <= '9')
        at++;
    return *at == '<' || *at == '>';
}

static struct redirection *
parse_redirection(struct parser *parser)
{
    struct redirection *redirection = scratch(sizeof(*redirection));
    int fd = *parser->at >= '0' && *parser->at <= '9' ? *parser->at++ - '0' : -1;
    bool out = *parser->at++ == '>';

    redirection->fd = fd < 0 ? out : fd;
    redirection->kind = out ? REDIRECT_WRITE : REDIRECT_READ;
    if (out && *parser->at == '>') {
        redirection->kind = REDIRECT_APPEND;
        parser->at++;
    } else if (*parser->at == '&') {
        redirection->kind = REDIRECT_COPY;
        parser->at++;
    }
    redirection->target = parse_word(parser);
    return redirection;
}

/* Words, if the command takes any, and redirections, in any order. */
static void
parse_arguments(struct parser *parser, struct node *node, bool words)
{
    struct redirection **redirection = &node->redirections;
    struct word **word = &node->words;

    for (skip_blanks(parser); parser->result == PARSE_OK; skip_blanks(parser)) {
        if (at_redirection(parser)) {
            *redirection = parse_redirection(parser);
            redirection = &(*redirection)->next;
        } else if (words && !ends_word(*parser->at)) {
            *word = parse_word(parser);
            if (*word)
                word = &(*word)->next;
        } else {
            return;
        }
    }
}

static struct node *
parse_simple(struct parser *parser)
{
    struct node *node = new_node(NODE_COMMAND, NULL, NULL);

    parse_arguments(parser, node, true);
    if (!node->words && !node->redirections)
        return fail(parser);
    return node;
}

/* ---- compound commands ---- */

/* A list that must not be empty. */
static struct node *
parse_body(struct parser *parser)
{
    struct node *list = parse_list(parser, false);

    return list ? list : fail(parser);
}

/* Behind if or elif, up to fi. */
static struct node *
parse_if(struct parser *parser)
{
    struct node *node = new_node(NODE_IF, NULL, NULL);

    node->left = parse_body(parser);
    if (!want(parser, "then"))
        return NULL;
    node->right = parse_body(parser);
    if (parser->result == PARSE_OK && take(parser, "elif")) {
        node->other = parse_if(parser);
        return node;
    }
    if (parser->result == PARSE_OK && take(parser, "else"))
        node->other = parse_body(parser);
    want(parser, "fi");
    return node;
}

static struct node *
parse_do(struct parser *parser)
{
    struct node *body;

    if (!want(parser, "do"))
        return NULL;
    body = parse_body(parser);
    want(parser, "done");
    return body;
}

static struct node *
parse_loop(struct parser *parser, enum node_kind kind)
{
    struct node *node = new_node(kind, parse_body(parser), NULL);

    node->right = parse_do(parser);
    return node;
}

static struct node *
parse_for(struct parser *parser)
{
    struct node *node = new_node(NODE_FOR, NULL, NULL);
    struct word **word;

    node->words = parse_word(parser);
    if (!node->words)
        return NULL;
    node->in = take(parser, "in");
    word = &node->words->next;
    for (skip_blanks(parser); node->in && !ends_word(*parser->at); skip_blanks(parser)) {
        *word = parse_word(parser);
        if (!*word)
            return NULL;
        word = &(*word)->next;
    }
    take(parser, ";");
    node->right = parse_do(parser);
    return node;
}

/* NULL without a mistake when no compound command begins here. */
static struct node *
parse_compound(struct parser *parser)
{
    struct node *node = NULL;

    if (take(parser, "if"))
        node = parse_if(parser);
    else if (take(parser, "while"))
        node = parse_loop(parser, NODE_WHILE);
    else if (take(parser, "until"))
        node = parse_loop(parser, NODE_UNTIL);
    else if (take(parser, "for"))
        node = parse_for(parser);
    else if (take(parser, "{")) {
        node = new_node(NODE_GROUP, parse_body(parser), NULL);
        want(parser, "}");
    } else if (take(parser, "(")) {
        node = new_node(NODE_SUBSHELL, parse_body(parser), NULL);
        want(parser, ")");
    }
    if (node && parser->result == PARSE_OK)
        parse_arguments(parser, node, false);
    return node;
}

/* ---- what holds commands together ---- */

static struct node *
parse_command(struct parser *parser)
{
    struct node *node = parse_compound(parser);

    return node || parser->result != PARSE_OK ? node : parse_simple(parser);
}

static struct node *
parse_pipeline(struct parser *parser)
{
    bool not = take(parser, "!");
    struct node *node, **last = &node;
    const char *start;

    skip_blanks(parser);
    start = parser->at;
    node = parse_command(parser);
    while (parser->result == PARSE_OK && strncmp(parser->at, "||", 2) && take(parser, "|")) {
        skip_lines(parser);
        *last = new_node(NODE_PIPE, *last, parse_command(parser));
        last = &(*last)->right;
    }
    if (parser->result != PARSE_OK)
        return NULL;
    node->source = start;
    node->length = (size_t)(parser->at - start);
    return not ? new_node(NODE_NOT, node, NULL) : node;
}

static struct node *
parse_and_or(struct parser *parser)
{
    struct node *node = parse_pipeline(parser);

    while (parser->result == PARSE_OK) {
        enum node_kind kind = take(parser, "&&") ? NODE_AND : NODE_OR;

        if (kind == NODE_OR && !take(parser, "||"))
            break;
        skip_lines(parser);
        node = new_node(kind, node, parse_pipeline(parser));
    }
    return node;
}

/* One command of a list and what ends it. False when `one_line` is over. */
static bool
parse_element(struct parser *parser, struct node **list, bool one_line)
{
    const char *start = parser->at;
    struct node *node = parse_and_or(parser);
    bool more;

    if (parser->result != PARSE_OK)
        return false;
    if (take(parser, "&")) {
        node = new_node(NODE_BACKGROUND, node, NULL);
        node->source = start;
        node->length = (size_t)(parser->at - 1 - start);
        more = true;
    } else {
        more = take(parser, ";");
    }
    *list = *list ? new_node(NODE_SEQUENCE, *list, node) : node;
    skip_blanks(parser);
    if (*parser->at == '\n') {
        parser->at++;
        return !one_line;
    }
    if (!more && !at_list_end(parser))
        fail(parser);
    return parser->result == PARSE_OK;
}

static struct node *
parse_list(struct parser *parser, bool one_line)
{
    struct node *list = NULL;

    if (parser->result != PARSE_OK)
        return NULL;
    skip_lines(parser);
    while (!at_list_end(parser) && parse_element(parser, &list, one_line)) {
        if (!one_line)
            skip_lines(parser);
    }
    return list;
}

enum parse_result
parse(const char **text, struct node **node)
{
    struct parser parser = {*text, PARSE_OK};
    const char *end;

    *node = parse_list(&parser, true);
    end = parser.at;
    if (parser.result == PARSE_OK && *end && (end == *text || end[-1] != '\n'))
        parser.result = PARSE_ERROR; /* stands on a ) or fi that nothing began */
    if (parser.result == PARSE_OK)
        *text = parser.at;
    return parser.result;
}
