/* Runs the commands of a file one after the other:
 *   each FILE
 * A line is a path and arguments between blanks; '#' begins a comment. Around the output of each
 * come "### line" and "### ended 0xSTATUS TICKS: line", with the wait status and the ticks of the
 * time-stamp counter from fork to wait. Ends with 1 when a status was not 0. */
#include "count.h"

enum { MAX_FILE = 8192, MAX_WORDS = 32 };

static char text[MAX_FILE + 1];

static int read_all(const char *path)
{
	long fd = SC3(NR_open, path, 0, 0), n = 0, got;
	if (fd < 0)
		return 0;
	while (n < MAX_FILE && (got = k_read((int)fd, text + n, MAX_FILE - n)) > 0)
		n += got;
	k_close((int)fd);
	return 1;
}

/* Cuts the line into words in place. */
static int split(char *line, char **words)
{
	int n = 0;
	while (n < MAX_WORDS - 1) {
		while (*line == ' ')
			*line++ = 0;
		if (!*line)
			break;
		words[n++] = line;
		while (*line && *line != ' ')
			line++;
	}
	words[n] = 0;
	return n;
}

static int run(char *line, char **envp)
{
	char copy[256], *words[MAX_WORDS];
	int st = -1;
	ulong n = 0;
	for (; line[n] && n < sizeof copy - 1; n++)
		copy[n] = line[n];
	copy[n] = 0;
	if (!split(copy, words))
		return 0;
	out("### %s\n", line);
	u64 t = tsc();
	long pid = k_fork();
	if (pid == 0) {
		SC3(NR_execve, words[0], words, envp);
		out("### cannot execute\n");
		k_exit(127);
	}
	if (pid > 0)
		k_wait(pid, &st);
	t = tsc() - t;
	out("### ended 0x%x %llu: %s\n", st, t, line);
	return st != 0;
}

int main(int argc, char **argv, char **envp)
{
	int bad = 0;
	if (argc != 2 || !read_all(argv[1])) {
		out("each: cannot read the file\n");
		return 64;
	}
	for (char *line = text, *end; *line; line = end) {
		for (end = line; *end && *end != '\n'; end++)
			;
		if (*end)
			*end++ = 0;
		if (*line != '#')
			bad |= run(line, envp);
	}
	return bad;
}
