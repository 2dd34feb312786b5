/* execve: what the new program finds, what is refused and then changes nothing, scripts, what
 * survives and what does not, and files whose headers lie. Runs itself by the path it was started
 * with, and writes to /tmp. */
#include "tap.h"

enum { NR_chmod = 15, NR_alarm = 27, NR_mkdir = 39, NR_rmdir = 40, NR_rt_sigpending = 176 };
enum { O_CREAT_ = 0x40, O_TRUNC_ = 0x200, O_WRONLY_ = 1 };
enum { SIG_USR1 = 10, SIG_USR2 = 12, SIG_TERM = 15 };
enum { ENOTDIR_ = 20, ENAMETOOLONG_ = 36, ELOOP_ = 40, ELIBBAD_ = 80 };

#define DIR "/tmp/exec-test"
#define IMAGE_MAX 0x20000

static char *self;
static char **environment;
static u8 image[IMAGE_MAX];
static long image_size;

static long exec(const char *path, char **argv, char **envp)
{
	return SC3(NR_execve, path, argv, envp);
}

/* Runs path in a child: its wait status, or -1000 - errno when execve failed. */
static int run(const char *path, char **argv, char **envp)
{
	int st = 0, e = 0, fds[2];
	long pid;

	k_pipe(fds);
	pid = k_fork();
	if (pid == 0) {
		k_close(fds[0]);
		SC3(NR_fcntl64, fds[1], 2, 1); /* F_SETFD, FD_CLOEXEC */
		SC1(NR_alarm, 3);
		e = (int)-exec(path, argv, envp);
		k_write(fds[1], &e, sizeof(e));
		k_exit(99);
	}
	k_close(fds[1]);
	k_read(fds[0], &e, sizeof(e));
	k_close(fds[0]);
	k_wait(pid, &st);
	return e != 0 ? -1000 - e : st;
}

static int save(const char *path, const void *bytes, ulong size, int mode)
{
	long fd = SC3(NR_open, path, O_CREAT_ | O_TRUNC_ | O_WRONLY_, mode);

	if (fd < 0)
		return 0;
	k_write((int)fd, bytes, size);
	k_close((int)fd);
	SC2(NR_chmod, path, mode);
	return 1;
}

static void load_self(void)
{
	long fd = SC3(NR_open, self, 0, 0), n;

	while ((n = k_read((int)fd, image + image_size, IMAGE_MAX - (ulong)image_size)) > 0)
		image_size += n;
	k_close((int)fd);
}

/* ---- the new program's side: argv[1] says what to look at, the exit code what was wrong ---- */

static int child_strings(int argc, char **argv, char **envp)
{
	if (argc != 5 || argv[5] != 0)
		return 1;
	if (!str_eq(argv[2], "") || !str_eq(argv[3], "two words") || str_len(argv[4]) != 100000)
		return 2;
	if (envp[0] == 0 || !str_eq(envp[0], "A=1") || !str_eq(envp[1], "B=") || envp[2] != 0)
		return 3;
	return 0;
}

static int child_auxv(char **envp)
{
	ulong *aux, want = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 9 | 1u << 25, have = 0;
	ulong value[32] = { 0 };

	while (*envp)
		envp++;
	for (aux = (ulong *)(envp + 1); aux[0] != 0; aux += 2)
		if (aux[0] < 32) {
			have |= 1u << aux[0];
			value[aux[0]] = aux[1];
		}
	if ((have & want) != want)
		return 1;
	if (value[6] != PG || value[4] != 32 || value[5] == 0)
		return 2;
	u32 type = *(u32 *)value[3]; /* of the first program header: PT_NULL to PT_TLS, or a system's */
	if (type > 7 && (type < 0x60000000 || type > 0x7fffffff))
		return 3;
	if (value[11] != value[12] || value[13] != value[14] || value[23] != 0)
		return 4;
	if (have & 1u << 31 && !str_eq((char *)value[31], self))
		return 5;
	return kprobe_r((void *)(value[25] + 15)) == 1 ? 0 : 6;
}

static void copy(u8 *to, const u8 *from, ulong n)
{
	while (n-- > 0)
		*to++ = *from++;
}

/* What compilers make of the address of a function inside another. */
static int child_runs_stack(void)
{
	volatile u8 code[] = { 0xb8, 44, 0, 0, 0, 0xc3 }; /* mov $44, %eax; ret */

	return ((int (*)(void))(ulong)code)();
}

static int child_runs_data(void)
{
	static const u8 code[] = { 0xb8, 44, 0, 0, 0, 0xc3 };
	static u8 zeros[sizeof(code)];
	u8 *heap = (u8 *)k_brk(0), *mapped = (u8 *)k_anon(PG, P_NONE), *places[] = { zeros, heap, mapped };

	k_brk((ulong)heap + PG);
	SC3(NR_mprotect, mapped, PG, P_RW);
	for (int i = 0; i < 3; i++) {
		copy(places[i], code, sizeof(code));
		if (((int (*)(void))places[i])() != 44)
			return i;
	}
	return child_runs_stack();
}

static int child_state(void)
{
	struct {
		ulong handler, flags, restorer, mask[2];
	} sa = { 9, 9, 9, { 9, 9 } };
	u64 mask = 0, pending = 0;

	SC4(NR_rt_sigaction, SIG_USR1, 0, &sa, 8);
	if (sa.handler != 1)
		return 1;
	SC4(NR_rt_sigaction, SIG_USR2, 0, &sa, 8);
	if (sa.handler != 0)
		return 2;
	SC4(NR_rt_sigprocmask, 0, 0, &mask, 8);
	if (mask != 1ull << (SIG_TERM - 1))
		return 3;
	SC2(NR_rt_sigpending, &pending, 8);
	if (pending != mask)
		return 4;
	if (SC3(NR_fcntl64, 40, 1, 0) != 0 || SC3(NR_fcntl64, 41, 1, 0) != -EBADF_)
		return 5;
	return SC4(NR_mincore, 0x30000000, PG, 0, 0) == -ENOMEM_ ? 0 : 6;
}

static int child(int argc, char **argv, char **envp)
{
	switch (argv[1][1]) {
	case 's':
		return child_strings(argc, argv, envp);
	case 'a':
		return child_auxv(envp);
	case 'k':
		return child_state();
	case 'c':
		return child_runs_stack();
	case 'd':
		return child_runs_data();
	case 'i': /* as an interpreter: name, our word, the script, what the script got */
		return argc == 4 && str_eq(argv[1], "-i one word") && str_eq(argv[2], DIR "/script") &&
			       str_eq(argv[3], "given") ? 0 : 1;
	default:
		return 42;
	}
}

/* ---- the old program's side ---- */

static char large[100001];

static void strings(void)
{
	char *argv[] = { self, "-s", "", "two words", large, 0 };
	char *envp[] = { "A=1", "B=", 0 };
	char *aux[] = { self, "-a", 0 }, *nameless[] = { "NAMELESS", 0 };

	set_all(large, 'x', 100000);
	eq(run(self, argv, envp), 0, "arguments and environment arrive");
	eq(run(self, aux, environment), 0, "the auxiliary vector is whole");
	eq(run(self, 0, nameless), 43 << 8, "without arguments there is an empty one");
}

static int keeps(void *arg)
{
	struct {
		ulong handler, flags, restorer, mask[2];
	} ignore = { 1, 0, 0, { 0, 0 } }, catch_ = { (ulong)keeps, 0, 0, { 0, 0 } };
	u64 term = 1ull << (SIG_TERM - 1);
	char *argv[] = { self, "-k", 0 };

	SC4(NR_rt_sigaction, SIG_USR1, &ignore, 0, 8);
	SC4(NR_rt_sigaction, SIG_USR2, &catch_, 0, 8);
	SC4(NR_rt_sigprocmask, 2, &term, 0, 8);
	SC2(NR_kill, SC0(NR_getpid), SIG_TERM);
	SC2(NR_dup2, 1, 40);
	SC2(NR_dup2, 1, 41);
	SC3(NR_fcntl64, 41, 2, 1);
	k_anon_at((void *)0x30000000, PG, P_RW);
	exec(self, argv, environment);
	return arg ? 98 : 99;
}

static void refused(void)
{
	char *argv[] = { self, 0 };
	static char long_path[5000];
	static char *many[40];
	static char huge[140000];

	set_all(long_path, 'a', sizeof(long_path) - 1);
	set_all(huge, 'b', sizeof(huge) - 1);
	for (int i = 0; i < 39; i++)
		many[i] = large;
	eq(exec("/no/such/program", argv, 0), -ENOENT_, "a path that leads nowhere");
	eq(exec("", argv, 0), -ENOENT_, "an empty one");
	eq(exec(DIR, argv, 0), -EACCES_, "a folder");
	eq(exec(long_path, argv, 0), -ENAMETOOLONG_, "a path without end");
	eq(exec((char *)16, argv, 0), -EFAULT_, "a path that cannot be read");
	eq(exec(self, (char **)16, 0), -EFAULT_, "arguments that cannot be read");
	argv[0] = (char *)16;
	eq(exec(self, argv, 0), -EFAULT_, "an argument that cannot be read");
	argv[0] = self;
	eq(exec(self, argv, (char **)0xbffffffd), -EFAULT_, "an environment that cannot be read");
	argv[0] = huge;
	eq(exec(self, argv, 0), -E2BIG_, "an argument of 140 000 bytes");
	eq(exec(self, many, 0), -E2BIG_, "4 MB of arguments");
	argv[0] = self;
	save(DIR "/plain", image, (ulong)image_size, 0644);
	eq(exec(DIR "/plain", argv, 0), -EACCES_, "a file that nobody may execute");
	eq(exec(DIR "/plain/x", argv, 0), -ENOTDIR_, "a path through a file");
	save(DIR "/empty", image, 0, 0755);
	eq(exec(DIR "/empty", argv, 0), -ENOEXEC_, "an empty file");
	save(DIR "/text", "echo hello\n", 11, 0755);
	eq(exec(DIR "/text", argv, 0), -ENOEXEC_, "text");
	save(DIR "/short", image, 40, 0755);
	eq(exec(DIR "/short", argv, 0), -ENOEXEC_, "half an ELF header");
}

static char line[400];

static void make_script(const char *a, const char *b, const char *c)
{
	ulong n = 0;

	for (; *a; a++)
		line[n++] = *a;
	for (; *b; b++)
		line[n++] = *b;
	for (; *c; c++)
		line[n++] = *c;
	save(DIR "/script", line, n, 0755);
}

static void scripts(void)
{
	char *argv[] = { "whatever", "given", 0 };

	make_script("#! ", self, " \t -i one word  \nrest\n");
	eq(run(DIR "/script", argv, environment), 0, "a script's interpreter, its word, the path");
	make_script("#!", self, " -i one word");
	eq(run(DIR "/script", argv, environment), 0, "without a newline");
	make_script("#!", "/no/such/interpreter", "\n");
	eq(run(DIR "/script", argv, environment), -1000 - ENOENT_, "an interpreter there is not");
	make_script("#!", "", "  \n");
	eq(run(DIR "/script", argv, environment), -1000 - ENOEXEC_, "none at all");
	make_script("#!", DIR "/script", "\n");
	eq(run(DIR "/script", argv, environment), -1000 - ELOOP_, "a script that interprets itself");
}

/* ---- headers that lie ---- */

/* What a kernel may say of a file that it does not run: Linux has more words for it. */
static int is_refusal(int st)
{
	switch (-1000 - st) {
	case ENOENT_:
	case E2BIG_:
	case ENOEXEC_:
	case ENOMEM_:
	case EACCES_:
	case EFAULT_:
	case EINVAL_:
	case EIO_:
	case ELIBBAD_:
		return 1;
	default:
		return 0;
	}
}

static void put16(ulong at, u32 v)
{
	image[at] = (u8)v;
	image[at + 1] = (u8)(v >> 8);
}
static void put32(ulong at, u32 v)
{
	put16(at, v);
	put16(at + 2, v >> 16);
}

static int run_image(void)
{
	char *argv[] = { self, "-x", 0 };

	save(DIR "/image", image, (ulong)image_size, 0755);
	return run(DIR "/image", argv, environment);
}

static void lies(void)
{
	static u8 head[1024];
	static const u32 values[] = { 0, 1, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xbffff000,
				      0xc0000000, 0xfffff000, 0xffffffff };
	u32 seed = 12345;
	int odd = 0;

	copy(head, image, sizeof(head));
	eq(run_image(), 42 << 8, "a copy runs");
	put16(18, 62);
	eq(run_image(), -1000 - ENOEXEC_, "another machine's");
	copy(image, head, sizeof(head));
	put16(44, 0);
	eq(run_image(), -1000 - ENOEXEC_, "no program headers");
	copy(image, head, sizeof(head));
	put32(28, 0x7ffffff0);
	eq(run_image(), -1000 - ENOEXEC_, "program headers past the end");
	for (int i = 0; i < 150; i++) {
		copy(image, head, sizeof(head));
		for (u32 n = rnd(&seed) % 3 + 1; n > 0; n--) {
			ulong at = rnd(&seed) % 2 ? rnd(&seed) % 48 + 4 : rnd(&seed) % 160 + 52;

			if (rnd(&seed) % 2)
				put32(at & ~3ul, values[rnd(&seed) % 10]);
			else
				image[at] = (u8)rnd(&seed);
		}
		int st = run_image();
		if (st < 0 ? !is_refusal(st) : (st & 0x7f) == 0x7f || st == 99 << 8)
			odd++;
	}
	eq(odd, 0, "150 files with lies in their headers: refused, or ended, or run");
	copy(image, head, sizeof(head));
	eq(run_image(), 42 << 8, "and the machine still runs a good one");
}

/* ---- code on the stack and elsewhere ---- */

/* The program header of the type, as a place in the image; 0: there is none. */
static ulong header_of(u32 type)
{
	u8 *table = image + *(u32 *)(image + 28);

	for (u32 i = 0; i < image[44]; i++)
		if (*(u32 *)(table + 32 * i) == type)
			return (ulong)(table + 32 * i - image);
	return 0;
}

static void stacks(void)
{
	char *argv[] = { self, "-c", 0 };
	ulong at = header_of(0x6474e551); /* PT_GNU_STACK */
	u32 flags = at ? *(u32 *)(image + at + 24) : 0;

	if (!at) {
		skip("no program header for the stack");
		return;
	}
	put32(at + 24, 7);
	save(DIR "/image", image, (ulong)image_size, 0755);
	eq(run(DIR "/image", argv, environment), 44 << 8, "code on a stack for which that is asked");
	put32(at + 24, flags);
	argv[1] = "-d";
	put32(at, 0);
	save(DIR "/image", image, (ulong)image_size, 0755);
	eq(run(DIR "/image", argv, environment), 44 << 8, "and in all memory of a file that does not say");
	put32(at, 0x6474e551);
}

/* ---- vfork ---- */

static volatile int parents_word = 7;

static void with_vfork(void)
{
	static char *argv[] = { 0, "-x", 0 };
	int st = 0;
	long pid;

	argv[0] = self;
	__asm__ volatile("int $0x80" : "=a"(pid) : "a"(NR_vfork) : "memory"); /* here, not in a function */
	if (pid == 0) {
		exec(self, argv, environment);
		k_exit(1);
	}
	eq(SC2(57, pid, pid), -EACCES_, "no setpgid of a child that has called execve");
	k_wait(pid, &st);
	eq(st, 42 << 8, "vfork and execve");
	eq(parents_word, 7, "leave the parent's memory alone");
}

int main(int argc, char **argv, char **envp)
{
	self = argv[0];
	environment = envp;
	if (envp[0] && str_eq(envp[0], "NAMELESS"))
		k_exit(argc == 1 && argv[0] && argv[0][0] == 0 && !argv[1] ? 43 : 1);
	if (argc > 1 && argv[1][0] == '-')
		return child(argc, argv, envp);
	SC2(NR_mkdir, DIR, 0755);
	load_self();
	if (image_size <= 0 || !save(DIR "/try", "x", 1, 0644)) {
		skip("no file of our own, or no /tmp to write to");
		return done("exec");
	}
	strings();
	eq(in_child(keeps, 0), 0, "ignored signals, mask, pending ones and files stay; the rest goes");
	refused();
	scripts();
	with_vfork();
	stacks();
	lies();
	static const char *const left[] = { "try", "plain", "empty", "text", "short", "script", "image" };
	for (int i = 0; i < 7; i++) {
		char path[40] = DIR "/";
		ulong n = str_len(path);

		for (const char *c = left[i]; *c; c++)
			path[n++] = *c;
		SC1(NR_unlink, path);
	}
	SC1(NR_rmdir, DIR);
	return done("exec");
}
